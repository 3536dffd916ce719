"""The project's own Thespian system base. Knows Thespian and the standard library, nothing of OpenWhisk.

    from owactors import actorbase
    actorbase.install()
    system = ActorSystem("owactorsBase", actorbase.capabilities(folder))

docs/actorbase.md describes frames, handshake, threats, limits and co-location.
"""

from owactors.actorbase.addresses import address
from owactors.actorbase.base import ActorSystemBase, capabilities, install
from owactors.actorbase.site import KEY_FILE, LISTEN, PROCESS_PORT
from owactors.actorbase.site import PORT as ADMIN_PORT
from owactors.actorbase.tls import AUTHORITY as TLS_AUTHORITY
from owactors.actorbase.tls import CERTIFICATE as TLS_CERTIFICATE
from owactors.actorbase.tls import PRIVATE_KEY as TLS_KEY
from owactors.actorbase.unpickling import allow

__all__ = [
    "ADMIN_PORT",
    "KEY_FILE",
    "LISTEN",
    "PROCESS_PORT",
    "TLS_AUTHORITY",
    "TLS_CERTIFICATE",
    "TLS_KEY",
    "ActorSystemBase",
    "address",
    "allow",
    "capabilities",
    "install",
]
