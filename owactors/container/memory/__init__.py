"""The in-process back end: actions are Python functions of this process. For tests and trials; it protects
nothing.

It answers as the proxies do, byte for byte where that matters, and keeps the books of containers like the
others.
"""
