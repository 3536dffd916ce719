"""Real actor systems for tests, one of each base that our actors run on."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

from thespian.actors import ActorSystem

from owactors import actorbase

OWN, TCP, SIMPLE = "owactorsBase", "multiprocTCPBase", "simpleSystemBase"
BASES = [OWN, TCP, SIMPLE]
QUIET = {"version": 1, "root": {"level": 60}}


def start(base: str, folder: Path) -> ActorSystem:
    """A system of this base; our own has its sockets in the folder. Simple leaves this process's logging alone."""
    if base == OWN:
        actorbase.install()
        actorbase.allow("tests.")
        return ActorSystem(base, capabilities=actorbase.capabilities(str(folder)), transientUnique=True)
    capabilities: dict[str, Any] = {"Admin Port": free_port()} if base == TCP else {}
    return ActorSystem(base, capabilities, logDefs=QUIET if base == TCP else False, transientUnique=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
