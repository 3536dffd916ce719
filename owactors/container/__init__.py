"""Where actions run: the container port, the HTTP client, the log collector and the back ends.

`port` is what the rest of the product sees; `sandbox`, `docker` and `memory` implement it. Not here: when a
container is made, used or removed (core.containerproxy, core.containerpool), and what an answer means
(core.response).
"""
