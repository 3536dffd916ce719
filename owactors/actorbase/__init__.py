"""The project's own Thespian system base. Knows Thespian and the standard library, nothing of OpenWhisk.

    from owactors import actorbase
    actorbase.install()
    system = ActorSystem("owactorsBase", actorbase.capabilities(folder))

docs/actorbase.md describes frames, handshake, threats, limits and co-location.
"""

from owactors.actorbase.addresses import address
from owactors.actorbase.base import ActorSystemBase, capabilities, install
from owactors.actorbase.site import KEY_FILE, LISTEN, PROCESS_PORT
from owactors.actorbase.unpickling import allow

__all__ = ["KEY_FILE", "LISTEN", "PROCESS_PORT", "ActorSystemBase", "address", "allow", "capabilities", "install"]
