"""What really exists of a factory's containers, by looking at the machine and not at the factory's books."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Protocol

from attrs import define, frozen

from owactors.container.docker.factory import BOOT, NAME, DockerFactory
from owactors.container.memory.factory import MemoryFactory
from owactors.container.network.netlink import Netlink
from owactors.container.network.pool import WirePool
from owactors.container.port import Container, ContainerFactory
from owactors.container.sandbox.container import SandboxContainer
from owactors.container.sandbox.factory import SandboxFactory
from owactors.container.sandbox.processes import MARKER, start_time


@frozen
class Seen:
    """Ids of containers by kind of trace: a trace that is `everyone's` belongs to each container, whatever its state;
    one that is only the `living` ones' goes when the container's process ends.
    """

    everyone: dict[str, set[str]]
    living: dict[str, set[str]]


class Reality(Protocol):
    """One back end's traces."""

    async def look(self) -> Seen:
        """What is there now."""
        ...

    def books(self) -> set[str]:
        """The containers that the factory knows."""
        ...

    async def kill(self, container: Container) -> None:
        """End the container's processes behind the factory's back."""
        ...


@define
class MemoryReality:
    """Objects of this process."""

    factory: MemoryFactory

    async def look(self) -> Seen:
        """See Reality."""
        return Seen({"memory": set(self.factory._used)}, {})

    def books(self) -> set[str]:
        """See Reality."""
        return set(self.factory.containers)

    async def kill(self, container: Container) -> None:
        """See Reality."""
        self.factory.containers[container.id].die()


@define
class SandboxReality:
    """Processes by the mark in their environment, control groups, folders with their sockets."""

    factory: SandboxFactory
    folder: Path

    async def look(self) -> Seen:
        """See Reality."""
        boot = self.factory.boot
        everyone = {"folder": set(), "socket": set()}
        root = self.folder / "sandboxes" / boot
        for path in root.iterdir() if root.exists() else ():
            if path.is_dir():
                everyone["folder"].add(f"{boot}-{path.name}")
                everyone["socket"] |= {f"{boot}-{path.name}"} if (path / "s").is_socket() else set()
        if self.factory._wires is not None:
            everyone["network device"] = self._wired(self.factory._wires)
        means = self.factory._means
        for name, parent in means.layout.parents.items() if means is not None else ():
            if name != "cpu":
                prefix = f"owactors-{boot}-"
                groups = {path.name for path in parent.iterdir() if path.name.startswith(prefix)}
                everyone[f"group of {name}"] = {name.removeprefix("owactors-") for name in groups}
        return Seen(everyone, {"process": marks(boot)})

    def _wired(self, wires: WirePool) -> set[str]:
        """Who has a device; one that is nobody's and does not wait for anybody has its own name."""
        with Netlink() as kernel:
            devices = {name for name in kernel.links() if name.startswith(f"ow{self.factory.boot}.")}
        devices -= {wire.device for wire in wires._ready}
        owners = {c._parts.wire.device: id for id, c in self.factory._containers.items() if c._parts.wire}
        return {owners.get(device, device) for device in devices}

    def books(self) -> set[str]:
        """See Reality."""
        return set(self.factory._containers)

    async def kill(self, container: Container) -> None:
        """See Reality."""
        assert isinstance(container, SandboxContainer)
        process = container._parts.process
        if process is not None and start_time(process.pid) is not None:
            os.kill(process.pid, 9)


@define
class DockerReality:
    """What the engine has with the label of this life of the node."""

    factory: DockerFactory

    async def look(self) -> Seen:
        """See Reality."""
        api, label = self.factory._engine._api, f"{BOOT}={self.factory.boot}"
        listed = await asyncio.to_thread(api.containers, all=True, filters={"label": label})
        found = [entry for entry in listed if entry["Labels"][NAME] not in ("holder", "trial")]
        running = {entry["Id"] for entry in found if entry["State"] in ("running", "paused")}
        return Seen({"container": {entry["Id"] for entry in found}}, {"running": running})

    def books(self) -> set[str]:
        """See Reality."""
        return set(self.factory._containers)

    async def kill(self, container: Container) -> None:
        """See Reality."""
        state = await self.factory._engine.inspect(container.id)
        if state.running and state.pid > 0:
            os.kill(state.pid, 9)


def reality_of(factory: ContainerFactory, folder: Path) -> Reality:
    """How to look at what this factory makes."""
    if isinstance(factory, SandboxFactory):
        return SandboxReality(factory, folder)
    if isinstance(factory, DockerFactory):
        return DockerReality(factory)
    assert isinstance(factory, MemoryFactory)
    return MemoryReality(factory)


def marks(boot: str) -> set[str]:
    """Ids of the sandboxes of this life of a node that have a living process."""
    found = set()
    wanted = f"{MARKER}={boot}-".encode()
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            fields = Path(f"/proc/{name}/environ").read_bytes().split(b"\0")
        except OSError:
            continue
        mark = next((field for field in fields if field.startswith(wanted)), None)
        if mark is not None and start_time(int(name)) is not None:
            found.add(mark.decode().partition("=")[2])
    return found


async def agree(reality: Reality, expected: set[str], dead: set[str], doomed: set[str], seconds: float) -> None:
    """Wait until books and machine both have exactly the `expected` containers, of which `dead` run no more and
    nobody knows of the `doomed`.
    """
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        seen = await reality.look()
        wrong = {f"{name} of all": ids ^ expected for name, ids in seen.everyone.items() if ids != expected}
        living = expected - dead - doomed
        wrong |= {f"{name} of living": (ids - doomed) ^ living for name, ids in seen.living.items()}
        wrong = {name: ids for name, ids in wrong.items() if ids}
        if reality.books() != expected:
            wrong["books"] = reality.books() ^ expected
        if not wrong:
            return
        assert asyncio.get_running_loop().time() < deadline, f"books and machine differ: {wrong}"
        await asyncio.sleep(0.02)
