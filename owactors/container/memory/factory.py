"""Makes in-process containers."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from attrs import define, field

from owactors.container.memory.action import Function
from owactors.container.memory.container import MemoryContainer
from owactors.container.port import (
    ClusterResourceError,
    ContainerError,
    ContainerSpec,
    Protection,
    StartReport,
    WhiskContainerStartupError,
)


@define(eq=False)
class MemoryFactory:
    """See ContainerFactory.

    `functions` by action name take the place of the action's code; a coroutine function runs on the loop, any
    other one in a thread. `room` (bytes) bounds the memory of all containers together.
    """

    backend: str = field(default="memory", init=False)
    functions: Mapping[str, Function] = field(factory=dict)
    room: int | None = None
    boot: str = field(factory=lambda: secrets.token_hex(4))
    containers: dict[str, MemoryContainer] = field(factory=dict)
    _used: dict[str, int] = field(factory=dict)
    _count: int = 0
    _open: bool = False

    @property
    def resizes(self) -> bool:
        """See ContainerFactory."""
        return True

    async def start(self) -> StartReport:
        """See ContainerFactory."""
        self._open = True
        return StartReport("memory", (Protection("everything", False, "actions run inside the node"),))

    async def create(self, spec: ContainerSpec) -> MemoryContainer:
        """See ContainerFactory."""
        if not self._open:
            raise WhiskContainerStartupError("the memory back end was not started or is closed")
        if spec.user_provided_image:
            raise WhiskContainerStartupError(f"image {spec.image!r} cannot run in memory: use --container docker")
        if not spec.kind.startswith("python"):
            raise WhiskContainerStartupError(f"kind {spec.kind!r} cannot run in memory, only python")
        if self.room is not None and sum(self._used.values()) + spec.memory > self.room:
            raise ClusterResourceError(spec.memory)
        self._count += 1
        container = MemoryContainer(f"{self.boot}-{self._count}", self.functions, self._forget, self._resize)
        container.kind = spec.kind
        self.containers[container.id] = container
        self._used[container.id] = spec.memory
        return container

    async def sweep(self) -> list[str]:
        """See ContainerFactory; nothing of a dead process is left."""
        return []

    async def close(self) -> None:
        """See ContainerFactory."""
        self._open = False
        for container in list(self.containers.values()):
            await container.destroy()

    def _resize(self, container: MemoryContainer, memory: int) -> None:
        others = sum(size for id, size in self._used.items() if id != container.id)
        if self.room is not None and others + memory > self.room:
            raise ContainerError(f"there is no room for a container of {memory} bytes")
        self._used[container.id] = memory

    def _forget(self, container: MemoryContainer) -> None:
        self.containers.pop(container.id, None)
        self._used.pop(container.id, None)
