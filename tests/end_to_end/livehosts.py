"""Hosts of a cluster that needs neither Kafka nor CouchDB: real processes, each started with one command."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from owactors.cli.runningnode import RunningNode
from owactors.node.cluster import operators_key
from tests.end_to_end.clusters import LiveController, LiveInvoker
from tests.end_to_end.nodes import free_port
from tests.end_to_end.telling import REACHES

COMMON = ("--set", "containers.prewarm=false", "--set", "node.drain_timeout=10 s", *REACHES)


class FirstHost(LiveController):
    """Controller and invoker."""

    role = "node"

    def __init__(self, name: str, *options: str, bus: str = "") -> None:
        self.bus = bus or f"127.0.0.1:{free_port()}"
        health = ("--set", "controller.health_kind=python:3")
        super().__init__("--name", name, "--bus", self.bus, *health, *COMMON, *options)

    @property
    def secret(self) -> Path:
        return self.data / "cluster.key"

    def nodes(self) -> dict[str, Any]:
        """What it hears of all hosts, by name."""
        running = RunningNode(self.url, operators_key(self.secret))
        return {host["name"]: host for host in running.ask("GET", "nodes")["nodes"]}

    def states(self) -> dict[str, str]:
        return {name: host["state"] for name, host in self.nodes().items()}

    def wait_for_states(self, seconds: float = 30.0, **states: str) -> None:
        self.wait_until(lambda: self.states() == states, f"{states}", seconds)

    def wait_for_all_up(self, count: int) -> None:
        self.wait_until(lambda: list(self.invokers().values()) == ["up"] * count, f"{count} invokers up", 40)

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """`owactors …`, from anywhere."""
        where = ("--apihost", self.url, "--secret-file", str(self.secret))
        command = [sys.executable, "-m", "owactors.cli", *words, *where]
        return subprocess.run(command, capture_output=True, text=True, timeout=90)

    def joining(self, name: str, *options: str) -> JoinedHost:
        """One with its own copy of the secret. This one was started."""
        made = JoinedHost("--join", self.bus, "--name", name, *COMMON, *options)
        copy = made.folder / "cluster.key"
        shutil.copy(self.secret, copy)  # with its mode
        made.options = (*made.options, "--secret-file", str(copy))
        return made

    def joining_with_controller(self, name: str, *options: str) -> SecondHost:
        bus = f"127.0.0.1:{free_port()}"
        joins = ("--join", self.bus, "--controller", "--name", name, "--bus", bus)
        return SecondHost(bus, self.secret, *joins, *COMMON, *options)


class SecondHost(LiveController):
    """Controller and invoker, joined; `bus` is where others find it.

    It has a copy of the secret: what is named on its command line is taken for its own when processes are looked for.
    """

    role = "node"

    def __init__(self, bus: str, secret: Path, *options: str) -> None:
        super().__init__(*options)
        self.bus, self.secret = bus, self.folder / "secret"
        self.secret.write_bytes(secret.read_bytes())
        self.secret.chmod(0o600)
        self.options = ("--secret-file", str(self.secret), *self.options)


class JoinedHost(LiveInvoker):
    """An invoker that joined."""

    role = "node"


@contextmanager
def hosts(*names: str, options: tuple[str, ...] = ()) -> Iterator[tuple[FirstHost, list[JoinedHost]]]:
    """The first one with this name, and those that joined it; all are up."""
    with ExitStack() as stack:
        first = FirstHost(names[0], *options)
        stack.callback(first.close)
        first.start()
        others = [first.joining(name, *options) for name in names[1:]]
        for other in others:
            stack.callback(other.close)
            other.launch()
        first.wait_for_all_up(len(names))
        yield first, others


def as_json(done: subprocess.CompletedProcess[str]) -> Any:
    """What a command wrote."""
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
