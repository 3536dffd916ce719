"""The pool in figures, for people and for metrics."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from owactors.core.containerpool.entry import SERVING, Entry, Stage
from owactors.message.pool import PoolStatus

if TYPE_CHECKING:
    from owactors.core.containerpool.pool import ContainerPool


def status_of(pool: ContainerPool) -> PoolStatus:
    """Counts and memory (MB); linear in the number of containers."""
    entries = [entry for entry in pool.books.entries.values() if entry.stage is not Stage.GONE]
    idle = [entry for entry in entries if entry.is_idle]
    busy = [entry for entry in entries if entry.stage in SERVING and not entry.is_idle]
    prewarm = [entry for entry in entries if entry.stage in (Stage.STARTING, Stage.PREWARMED)]
    leaving = [entry for entry in entries if entry.stage is Stage.REMOVING]
    waiting = [*pool.waiting.promised_runs(), *pool.waiting.blocked]
    return PoolStatus(
        user_memory=pool.books.limit,
        busy_count=len(busy),
        busy_memory=_memory(busy),
        idle_count=len(idle),
        idle_memory=_memory(idle),
        prewarm_count=len(prewarm),
        prewarm_memory=_memory(prewarm),
        leaving_count=len(leaving),
        leaving_memory=_memory(leaving),
        running=pool.books.running,
        waiting_count=len(waiting),
        waiting_memory=sum(run.action.limits.memory for run in waiting),
    )


def _memory(entries: Iterable[Entry]) -> int:
    return sum(entry.memory for entry in entries)
