"""The action proxies themselves: programs that run inside a container and speak /init and /run.

They import nothing but the standard library of their language, start fast, and are copied or mounted into
containers as they are. Not here: how they are found and started from outside (that is `owactors.runtime`).

Every proxy takes `--listen-fd N --ready-fd N` (an open listening socket; a byte is written when it answers)
or `--port N` (it binds 0.0.0.0:N), and ends with exit code 122 when an action ran out of memory.
"""
