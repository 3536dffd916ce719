"""TTL: an idle container goes a fixed time after its last activation ended; under pressure as in LRU.

OpenWhisk's behaviour, and the default. There each proxy keeps this time; here the pool asks `expired` now and then, so
that every policy has a say.
"""

from __future__ import annotations

from attrs import define, field

from owactors.core.keepalive.idleorder import IdleOrder
from owactors.core.keepalive.lru import Lru
from owactors.core.keepalive.port import CostSample, Gone, StartKind

#: Ten minutes, `whisk.container-proxy.timeouts.idle-container`.
DEFAULT_TTL = 600.0


@define
class Ttl:
    """`ttl` in seconds, counted from the end of the last activation."""

    ttl: float = DEFAULT_TTL
    _pressure: Lru = field(factory=Lru)
    _expiry: IdleOrder = field(factory=IdleOrder)

    def arrived(self, function: str, now: float) -> None:
        """Nothing to learn."""

    def dispatched(self, container: int, function: str, memory: int, start: StartKind, now: float) -> None:
        """Its time stops."""
        self._pressure.dispatched(container, function, memory, start, now)
        self._expiry.discard(container)

    def became_idle(self, container: int, now: float, sample: CostSample | None = None) -> None:
        """Its time starts anew."""
        self._pressure.became_idle(container, now, sample)
        self._expiry.add(container, now + self.ttl, 0)

    def gone(self, container: int, why: Gone, now: float) -> None:
        """Forget it."""
        self._pressure.gone(container, why, now)
        self._expiry.discard(container)

    def victims(self, lack: int, now: float) -> list[int]:
        """Least recently dispatched first."""
        return self._pressure.victims(lack, now)

    def expired(self, now: float) -> list[int]:
        """Those idle for at least `ttl`, the longest idle first."""
        return self._expiry.up_to(now)

    def explain(self, container: int, now: float) -> str:
        """Last dispatch, and the time left."""
        expiry = self._expiry.priority(container)
        left = "" if expiry is None else f", goes in {max(0.0, expiry - now):.1f} s"
        return self._pressure.explain(container, now) + left
