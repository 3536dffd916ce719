"""Making and removing prewarmed containers (stem cells): the pool's side of `prewarming`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from owactors.core.containerpool.instructions import (
    BackfillLater,
    CreateProxy,
    ReportPrewarm,
    ReportShortage,
    SendStart,
)
from owactors.core.containerpool.prewarming import Occasion
from owactors.core.containerpool.settings import PrewarmingConfig
from owactors.core.keepalive.port import Gone

if TYPE_CHECKING:
    from owactors.core.containerpool.pool import ContainerPool


def adjust(pool: ContainerPool, occasion: Occasion) -> None:
    """Make as many prewarmed containers as are missing; a scheduled look removes expired ones first."""
    if pool.draining:
        return
    prewarming = pool.prewarming
    if occasion is Occasion.SCHEDULED:
        _remove_expired(pool)
        _report_cold_starts(pool)
    prewarming.short = False
    for config in pool.settings.prewarming:
        missing = prewarming.desired(config, occasion) - pool.books.prewarmed.count(config.key)
        if missing > 0:
            _make_or_postpone(pool, config, missing)
    if occasion is Occasion.SCHEDULED:
        prewarming.cold_starts.clear()


def prewarm(pool: ContainerPool, config: PrewarmingConfig, count: int) -> None:
    """Make `count` prewarmed containers, as far as there is room that nobody waits for."""
    for _ in range(count):
        if pool.draining or pool.waiting.blocked or not pool.has_room(config.memory):
            pool.prewarming.short = True
            pool.out.append(ReportShortage(*config.key))
            return
        entry = pool.books.add_prewarm(*config.key)
        pool.out.append(CreateProxy(entry.number))
        pool.out.append(SendStart(entry.number, config.exec, config.memory, config.ttl))


def _make_or_postpone(pool: ContainerPool, config: PrewarmingConfig, count: int) -> None:
    pause = pool.prewarming.pause(config.key, pool.now)
    if pause > 0:
        pool.out.append(BackfillLater(pause))
    else:
        prewarm(pool, config, count)


def _remove_expired(pool: ContainerPool) -> None:
    expired = pool.books.prewarmed.expired(pool.now, pool.settings.prewarm_expiration_limit)
    counts: dict[tuple[str, int], int] = {}
    for entry in expired:
        key = (entry.kind, entry.memory)
        counts[key] = counts.get(key, 0) + 1
        pool.remove(entry, Gone.EXPIRED)
    for (kind, memory), count in counts.items():
        pool.out.append(ReportPrewarm("expired", kind, memory, count))


def _report_cold_starts(pool: ContainerPool) -> None:
    for (kind, memory), count in pool.prewarming.cold_starts.items():
        pool.out.append(ReportPrewarm("coldstart", kind, memory, count))
