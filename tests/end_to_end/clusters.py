"""A cluster of real processes on this machine: controllers and invokers over Kafka and CouchDB."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from owactors.store.couchdb.settings import CouchSettings
from tests.end_to_end.nodes import LIMITS, LiveNode, free_port, kill_at_once

UP = {"invoker0": "up", "invoker1": "up"}


class LiveRole(LiveNode):
    def kill_all(self) -> None:
        """SIGKILL to everything of it, as when its host dies."""
        kill_at_once([*self.processes(), *self.sandboxes()])
        assert self.process is not None
        self.process.wait()


class LiveController(LiveRole):
    role = "controller"
    others: Callable[[], list[LiveNode]] = staticmethod(list)

    def invokers(self) -> dict[str, str]:
        states: dict[str, str] = self.request("GET", "/invokers", auth=None).json
        return states

    def wait_for(self, seconds: float = 30.0, **states: str) -> None:
        """Until the invokers have these states; else the logs of all roles are shown."""
        try:
            self.wait_until(lambda: self.invokers() == states, f"{states}", seconds)
        except AssertionError as problem:
            logs = "\n".join(node.log_text() for node in self.others())
            raise AssertionError(f"{self.invokers()}: {problem}\n{logs}") from None


class LiveInvoker(LiveRole):
    role = "invoker"

    def lines(self) -> str:
        return self.log.read_text(errors="replace")

    def ran(self, activation_id: str) -> bool:
        """Whether the activation came to this invoker."""
        return activation_id in self.lines()

    def runs(self) -> int:
        """How many activations have reached their containers."""
        return self.lines().count("invoker_activationRun_start")

    def role_process(self) -> int:
        """The process of the role itself: the one below the first whose children are sandboxes or none."""
        assert self.process is not None
        below = self.sandboxes()
        for pid in self.processes():
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            if any(int(child) in below for child in children):
                return pid
        raise AssertionError("no process has sandboxes")


class Cluster:
    """Roles that share databases, and a broker unless they speak as actors. Topics have a prefix of their own."""

    def __init__(self, kafka: str | None, couchdb: CouchSettings, folder: Path, *options: str) -> None:
        self.kafka = kafka
        self.prefix = uuid.uuid4().hex[:8]
        self.buses: list[str] = []
        self.key = folder / "cluster.key"
        self.key.write_bytes(os.urandom(32))
        self.key.chmod(0o600)
        self.options = (
            *("--couchdb", couchdb.url),
            *("--set", f"couchdb.prefix={couchdb.prefix}"),
            *("--set", f"couchdb.username={couchdb.username}"),
            *("--set", f"couchdb.password={couchdb.password}"),
            *("--set", f"kafka.topics_prefix={self.prefix}"),
            *("--set", "containers.prewarm=false"),
            *("--set", "controller.health_kind=python:3"),
            *options,
        )
        self.nodes: list[LiveNode] = []

    def controller(self, id: str, *options: str, bus: str | None = None) -> LiveController:
        """`bus` is where others find it if they speak as actors, else a port of the loopback."""
        found = self.transport(bus or f"127.0.0.1:{free_port()}")
        made: LiveController = self._add(LiveController("--id", id, *self.options, *found, *options, limits=LIMITS))
        made.others = lambda: [node for node in self.nodes if node is not made]
        return made

    def invoker(self, id: int, *options: str) -> LiveInvoker:
        return self._add(LiveInvoker("--id", str(id), *self.options, *self.transport(None), *options, limits=LIMITS))

    def transport(self, bus: str | None) -> list[str]:
        """The options with which a role finds the others; `bus` is a controller's own address."""
        if self.kafka is not None:
            return ["--kafka", self.kafka]
        found = ["--key-file", str(self.key)]
        if self.buses:
            found += ["--join", self.buses[0]]
        if bus is not None:
            self.buses.append(bus)
            found += ["--bus", bus]
        return found

    def _add(self, node: Any) -> Any:
        self.nodes.append(node)
        return node

    def start(self) -> None:
        """All at the same time."""
        with ThreadPoolExecutor(len(self.nodes)) as pool:
            list(pool.map(lambda node: node.start(), self.nodes))

    def close(self) -> None:
        closed(self.nodes)


def closed(nodes: Collection[LiveNode]) -> None:
    """All at the same time."""
    with ThreadPoolExecutor(len(nodes)) as pool:
        list(pool.map(lambda node: node.close(), nodes))
