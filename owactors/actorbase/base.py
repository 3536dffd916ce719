"""What `ActorSystem('owactorsBase')` makes: the door of the outside into the actor system."""

from __future__ import annotations

import logging
import os
import socket
import sys
import time
from collections.abc import Mapping
from typing import Any

from thespian.actors import ThespianGeneration
from thespian.system.systemBase import systemBase
from thespian.system.utilis import thesplog_control

from owactors.actorbase.addresses import LOOPBACK
from owactors.actorbase.admin import start_admin
from owactors.actorbase.site import EXIT_WITH_STARTER, FOLDER, PORT, Site
from owactors.actorbase.sockets import make_folder
from owactors.actorbase.transport import ProcessTransport

NAME = "owactorsBase"
GONE_WITHIN = 5.0


class ActorSystemBase(systemBase):  # type: ignore[misc]
    """One per external process; finds the admin of its site or starts it."""

    def __init__(self, system: Any, logDefs: Any = None) -> None:
        _quiet()
        _describe(system.capabilities)
        self.site = Site.of(system.capabilities)
        self.transport = ProcessTransport(self.site, external=True)
        try:
            super().__init__(system, logDefs)
        except BaseException:
            self.transport.close()
            raise

    def _startAdmin(self, adminAddr: Any, addrOfStarter: Any, capabilities: Any, logDefs: Any) -> None:
        start_admin(self.site, capabilities, logDefs)

    def shutdown(self) -> None:
        """End the system; returns when its processes are gone."""
        if self.transport.closed:
            return
        super().shutdown()
        deadline = time.monotonic() + GONE_WITHIN
        while self.transport.probeAdmin(self.site.admin) and time.monotonic() < deadline:
            time.sleep(0.002)


def _describe(capabilities: dict[str, Any]) -> None:
    capabilities["Python Version"] = tuple(sys.version_info)
    capabilities["Thespian Generation"] = ThespianGeneration
    capabilities["Thespian Version"] = str(int(time.time() * 1000))
    capabilities.setdefault("Thespian ActorSystem Name", NAME)
    capabilities["Thespian ActorSystem Version"] = 2
    capabilities["Thespian Watch Supported"] = True


def _quiet() -> None:
    """Thespian's own diagnosis goes to a file in the temporary folder; only where somebody asks for it."""
    if not os.environ.get("THESPLOG_THRESHOLD"):
        thesplog_control(logging.CRITICAL + 1, False, 0)


def capabilities(
    folder: str, *, exit_with_starter: bool = True, more: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """For a system that lives in `folder` (sockets, key, port), which it shares with nobody on the machine.

    The same folder finds the same system again, if it is running; else a free port is chosen.
    """
    make_folder(folder)
    return {
        PORT: _port_of(folder),
        FOLDER: folder,
        EXIT_WITH_STARTER: exit_with_starter,
        **(more or {}),
    }


def _port_of(folder: str) -> int:
    """The admin port that this folder has chosen for itself, chosen anew if somebody else has it now."""
    path = os.path.join(folder, "port")
    try:
        with open(path, encoding="ascii") as file:
            port = int(file.read())
    except (FileNotFoundError, ValueError):
        port = 0
    if port and (os.path.exists(os.path.join(folder, f"{port}.sock")) or _is_free(port)):
        return port
    port = _free_port()
    fresh = f"{path}.{os.getpid()}"
    with open(fresh, "w", encoding="ascii") as file:
        file.write(str(port))
    os.replace(fresh, path)
    return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def install(name: str = NAME) -> None:
    """Register the base under the only package in which Thespian looks for the names of bases."""
    sys.modules["thespian.system." + name] = sys.modules[__name__]
