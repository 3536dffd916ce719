"""LRU: under pressure the container whose last dispatch is longest ago goes; without pressure all stay."""

from __future__ import annotations

from attrs import define, field

from owactors.core.keepalive.idleorder import IdleOrder
from owactors.core.keepalive.port import CostSample, Gone, StartKind


@define
class Lru:
    """The order of OpenWhisk's pool (ContainerPool.scala, `remove`)."""

    idle: IdleOrder = field(factory=IdleOrder)
    _last_dispatch: dict[int, tuple[float, int]] = field(factory=dict)

    def arrived(self, function: str, now: float) -> None:
        """Nothing to learn."""

    def dispatched(self, container: int, function: str, memory: int, start: StartKind, now: float) -> None:
        """Remember when, and the memory it holds."""
        self._last_dispatch[container] = (now, memory)
        self.idle.discard(container)

    def became_idle(self, container: int, now: float, sample: CostSample | None = None) -> None:
        """It may go from now on, by the time of its last dispatch."""
        last_dispatch, memory = self._last_dispatch[container]
        self.idle.add(container, last_dispatch, memory)

    def gone(self, container: int, why: Gone, now: float) -> None:
        """Forget it."""
        self._last_dispatch.pop(container, None)
        self.idle.discard(container)

    def victims(self, lack: int, now: float) -> list[int]:
        """Least recently dispatched first."""
        return self.idle.lowest(lack)

    def expired(self, now: float) -> list[int]:
        """None, ever."""
        return []

    def explain(self, container: int, now: float) -> str:
        """Seconds since the last dispatch."""
        known = self._last_dispatch.get(container)
        if known is None:
            return f"container {container} is unknown"
        state = "idle" if container in self.idle else "in use"
        return f"container {container}: {state}, last dispatch {now - known[0]:.1f} s ago, {known[1]} MB"
