"""What the pool and the proxy know of one container: NoData, MemoryData, PreWarmedData, Warming*Data, WarmedData.

Values only: the container itself stays with its proxy, `ContainerRef` names it. Times are seconds since the epoch.
(OpenWhisk, ContainerProxy.scala, `ContainerData`.)
"""

from __future__ import annotations

from typing import ClassVar, Self

from attrs import evolve, frozen

from owactors.entity.action import WhiskAction
from owactors.entity.size import ByteSize

NEVER_USED = 0.0
"""`last_used` of a container that no activation has met."""

NO_MEMORY = ByteSize(0)


@frozen
class ContainerRef:
    """Names a container outside its proxy: the engine's id, and where it listens (as Container.address says it)."""

    id: str
    address: str = ""


@frozen
class NoData:
    """Nothing is known yet: no container, no memory, nobody uses it."""

    initing_state: ClassVar[str] = "cold"
    last_used: ClassVar[float] = NEVER_USED
    memory_limit: ClassVar[ByteSize] = NO_MEMORY
    active_activation_count: ClassVar[int] = 0
    container: ClassVar[None] = None

    @property
    def has_capacity(self) -> bool:
        """Always: whoever comes is the first."""
        return True

    def next_run(self, action: WhiskAction, invocation_namespace: str, now: float) -> WarmingColdData:
        """The data once a Run for `action` was sent."""
        return WarmingColdData(invocation_namespace, action, now, 1)


@frozen
class MemoryData:
    """No container yet, but its memory is spoken for."""

    memory_limit: ByteSize
    initing_state: ClassVar[str] = "cold"
    last_used: ClassVar[float] = NEVER_USED
    active_activation_count: ClassVar[int] = 0
    container: ClassVar[None] = None

    @property
    def has_capacity(self) -> bool:
        """Always: whoever comes is the first."""
        return True

    def next_run(self, action: WhiskAction, invocation_namespace: str, now: float) -> WarmingColdData:
        """The data once a Run for `action` was sent."""
        return WarmingColdData(invocation_namespace, action, now, 1)


@frozen
class PreWarmedData:
    """A container of a kind and a memory size, without code. `expires`: when it may go; None: never."""

    container: ContainerRef
    kind: str
    memory_limit: ByteSize
    active_activation_count: int = 0
    expires: float | None = None
    initing_state: ClassVar[str] = "prewarmed"
    last_used: ClassVar[float] = NEVER_USED

    @property
    def has_capacity(self) -> bool:
        """Always: whoever comes is the first."""
        return True

    def is_expired(self, now: float) -> bool:
        """True from the moment `expires` on."""
        return self.expires is not None and now >= self.expires

    def next_run(self, action: WhiskAction, invocation_namespace: str, now: float) -> WarmingData:
        """The data once a Run for `action` was sent."""
        return WarmingData(self.container, invocation_namespace, action, now, 1)


@frozen
class _ForAction:
    """What the three kinds of data with an action have in common; each names the fields again, in its own order."""

    action: WhiskAction
    last_used: float
    active_activation_count: int

    @property
    def memory_limit(self) -> ByteSize:
        """The action's memory."""
        return self.action.limits.memory_size

    @property
    def has_capacity(self) -> bool:
        """True while fewer activations are inside than the action allows."""
        return self.active_activation_count < self.action.limits.concurrency

    def next_run(self, action: WhiskAction, invocation_namespace: str, now: float) -> Self:
        """The data with one activation more."""
        return evolve(self, active_activation_count=self.active_activation_count + 1, last_used=now)


@frozen
class WarmingColdData(_ForAction):
    """A container is being made for this action (only in the pool's books)."""

    invocation_namespace: str
    action: WhiskAction
    last_used: float
    active_activation_count: int = 0
    initing_state: ClassVar[str] = "warmingCold"
    container: ClassVar[None] = None


@frozen
class WarmingData(_ForAction):
    """A prewarmed container was given to this action, whose /init has not been reported (only in the pool's books)."""

    container: ContainerRef
    invocation_namespace: str
    action: WhiskAction
    last_used: float
    active_activation_count: int = 0
    initing_state: ClassVar[str] = "warming"


@frozen
class WarmedData(_ForAction):
    """A container whose /init for this action succeeded, for one invocation namespace."""

    container: ContainerRef
    invocation_namespace: str
    action: WhiskAction
    last_used: float
    active_activation_count: int = 0
    initing_state: ClassVar[str] = "warmed"


ContainerData = NoData | MemoryData | PreWarmedData | WarmingColdData | WarmingData | WarmedData
ContainerStarted = PreWarmedData | WarmingData | WarmedData
ContainerInUse = WarmingColdData | WarmingData | WarmedData
