"""Web actions: an HTTP request turned into parameters, an activation's result turned into an HTTP answer.

Values in, values out. Routing, authentication and the invocation itself belong to `rest`.
"""
