"""APIs in front of web actions: Swagger documents that clients make, and which action a path leads to.

Values in, values out. Storing documents and answering requests belong to `rest`.
"""
