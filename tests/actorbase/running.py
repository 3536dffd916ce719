"""Starting systems, and waiting for what happens in other processes."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import Any

import pytest
from thespian.actors import ActorAddress, ActorSystem

from owactors import actorbase
from tests.actorbase.system_actors import Call

SECONDS = 20


def start(folder: str, **more: Any) -> ActorSystem:
    """A system of its own in this folder, ended with this process."""
    actorbase.install()
    actorbase.allow("tests.")
    return ActorSystem("owactorsBase", capabilities=actorbase.capabilities(folder, more=more), transientUnique=True)


def need(host: str) -> None:
    """Skips the test where the machine has not got this address."""
    try:
        socket.create_server((host.strip("[]"), 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError as reason:
        pytest.skip(f"no {host} here: {reason}")


def call(system: ActorSystem, target: ActorAddress, what: str, argument: Any = None) -> Any:
    return system.ask(target, Call(what, argument), SECONDS)


def eventually(condition: Callable[[], object], what: str = "condition") -> Any:
    """The first true value of this within SECONDS."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError(f"{what} did not come true in {SECONDS} s")


def alive(pid: int) -> bool:
    """The process exists and is not a zombie."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
