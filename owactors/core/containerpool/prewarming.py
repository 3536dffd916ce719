"""How many prewarmed containers there should be, and when another try makes sense after failures.

(OpenWhisk, ContainerPool.scala, `adjustPrewarmedContainer`.)
"""

from __future__ import annotations

from collections import Counter
from enum import Enum

from attrs import define, field

from owactors.core.containerpool.prewarmed import PrewarmKey
from owactors.core.containerpool.settings import PoolSettings, PrewarmingConfig


class Occasion(Enum):
    """Why the prewarmed containers are looked at."""

    INIT = "init"
    SCHEDULED = "scheduled"
    BACKFILL = "backfill"


@define
class _Failures:
    count: int = 0
    not_before: float = 0.0


@define
class Prewarming:
    """Demand since the last scheduled look, and failures in a row, by kind and memory."""

    settings: PoolSettings
    cold_starts: Counter[PrewarmKey] = field(factory=Counter)
    short: bool = False
    no_resizing_before: float = 0.0
    _configs: dict[PrewarmKey, PrewarmingConfig] = field(init=False)
    _failures: dict[PrewarmKey, _Failures] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        self._configs = {config.key: config for config in self.settings.prewarming}

    def config(self, kind: str, memory: int) -> PrewarmingConfig | None:
        """What was configured for this kind and memory."""
        return self._configs.get((kind, memory))

    def count_cold_start(self, kind: str, memory: int) -> None:
        """An activation that a prewarmed container could have served met none."""
        key = (kind, memory)
        if key not in self._configs and self.settings.resize_prewarmed:
            sizes = [size for other, size in self._configs if other == kind]
            key = (kind, min(sizes, key=lambda size: (abs(size - memory), -size), default=memory))
        if key in self._configs:
            self.cold_starts[key] += 1

    def may_resize(self, now: float) -> bool:
        """True if prewarmed containers can be given another amount of memory."""
        return self.settings.resize_prewarmed and now >= self.no_resizing_before

    def not_resized(self, now: float) -> None:
        """A container that was given another amount of memory did not serve: none is for a while."""
        self.no_resizing_before = now + self.settings.prewarm_backoff_limit

    def desired(self, config: PrewarmingConfig, occasion: Occasion) -> int:
        """How many containers of this configuration there should be."""
        reactive = config.reactive
        if occasion is Occasion.INIT:
            return config.initial_count
        if occasion is Occasion.BACKFILL or reactive is None:
            return config.backfill_count
        wanted = self.cold_starts[config.key] // reactive.threshold * reactive.increment
        return min(max(reactive.min_count, wanted), reactive.max_count)

    def succeeded(self, key: PrewarmKey) -> None:
        """A prewarmed container came up."""
        self._failures.pop(key, None)

    def failed(self, key: PrewarmKey, now: float) -> None:
        """A prewarmed container did not come up; many in a row are not replaced at once."""
        failures = self._failures.setdefault(key, _Failures())
        failures.count += 1
        beyond = failures.count - self.settings.prewarm_max_retry_limit
        if beyond > 0:
            pause = self.settings.prewarm_backoff * 2.0 ** min(beyond - 1, 30)
            failures.not_before = now + min(pause, self.settings.prewarm_backoff_limit)

    def pause(self, key: PrewarmKey, now: float) -> float:
        """Seconds until the next try for this kind and memory; 0 if it may be now."""
        failures = self._failures.get(key)
        return max(0.0, failures.not_before - now) if failures else 0.0
