"""What the pool does on each event: one function per row of the two tables at the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from attrs import evolve

from owactors.core.containerpool.entry import Entry, Stage, group_key
from owactors.core.containerpool.events import (
    AdjustPrewarmedContainer,
    BackfillPrewarmed,
    DrainPool,
    ExpireIdle,
    FromProxy,
    PoolEvent,
    ProxyExited,
    StartPool,
    Submit,
)
from owactors.core.containerpool.instructions import ReleaseCredits, ReportDrained, ReportTwin, SendDismiss
from owactors.core.containerpool.prewarming import Occasion
from owactors.core.containerpool.stem import adjust
from owactors.core.keepalive.port import Gone
from owactors.message.container import ContainerDestroyed, ContainerRemoved, NeedWork, RescheduleJob, Run
from owactors.message.containerdata import PreWarmedData

if TYPE_CHECKING:
    from owactors.core.containerpool.pool import ContainerPool


# Events.


def submit(pool: ContainerPool, event: Submit) -> None:
    """A run comes from the feed, once."""
    run = event.run
    activation_id = run.msg.activation_id
    memory = run.action.limits.memory
    pool.story.append((event.now, "Submit", activation_id))
    if activation_id in pool.accepted:
        pool.out.extend((ReportTwin(run), ReleaseCredits(1)))
        return
    pool.accepted.add(activation_id)
    pool.drained = False
    if memory > pool.books.limit:
        pool.fail(run, f"the action needs {memory} MB, all containers here together may use {pool.books.limit} MB")
        return
    pool.policy.arrived("/".join(group_key(run)), event.now)
    if pool.waiting.blocked:
        pool.waiting.blocked.append(run)
    elif not pool.try_place(run):
        pool.wait(run)


def from_proxy(pool: ContainerPool, event: FromProxy) -> None:
    """A proxy speaks; what that means depends on the stage of its container."""
    entry = pool.books.entries.get(event.container)
    message = event.message
    kind = type(message)
    pool.story.append((event.now, kind.__name__, event.container, entry.stage if entry else "unknown"))
    row = FROM_PROXY.get((entry.stage, kind)) if entry else None
    if row is not None:
        row(pool, entry, message)
    elif kind is ContainerDestroyed:
        pool.out.append(SendDismiss(event.container))
    drain_further(pool)


def proxy_exited(pool: ContainerPool, event: ProxyExited) -> None:
    """Whatever it still had is failed; its memory is free."""
    entry = pool.books.entries.get(event.container)
    pool.story.append((event.now, "ProxyExited", event.container, entry.stage if entry else "unknown"))
    if entry is not None:
        _bury(pool, entry, event.reason)
    drain_further(pool)


def _bury(pool: ContainerPool, entry: Entry, reason: str) -> None:
    was_starting = entry.stage is Stage.STARTING
    for activation_id in list(entry.jobs):
        run = pool.books.take_back(entry, activation_id)
        if run is not None:
            pool.fail(run, reason)
    if was_starting:
        pool.prewarming.failed((entry.kind, entry.memory), pool.now)
    pool.policy.gone(entry.number, Gone.FAILED, pool.now)
    pool.books.free(entry)
    _after_freed(pool)
    adjust(pool, Occasion.BACKFILL)


def start_pool(pool: ContainerPool, event: StartPool) -> None:
    """The first prewarmed containers."""
    adjust(pool, Occasion.INIT)


def adjust_prewarmed_container(pool: ContainerPool, event: AdjustPrewarmedContainer) -> None:
    """Remove expired ones, follow demand."""
    adjust(pool, Occasion.SCHEDULED)


def backfill_prewarmed(pool: ContainerPool, event: BackfillPrewarmed) -> None:
    """Another try after failures."""
    adjust(pool, Occasion.BACKFILL)


def expire_idle(pool: ContainerPool, event: ExpireIdle) -> None:
    """The keep-alive policy's time is over for some."""
    for number in pool.policy.expired(event.now):
        pool.remove(pool.books.entries[number], Gone.EXPIRED)


def drain_pool(pool: ContainerPool, event: DrainPool) -> None:
    """From here on nothing is made for later."""
    pool.story.append((event.now, "DrainPool"))
    pool.draining = True
    drain_further(pool)


def drain_further(pool: ContainerPool) -> None:
    """Of a draining pool: once no activation is left remove all containers; once none is left say so."""
    if not pool.draining or pool.drained or pool.accepted:
        return
    for entry in list(pool.books.entries.values()):
        if entry.stage not in (Stage.REMOVING, Stage.GONE):
            pool.remove(entry, Gone.EXPIRED)
    if not pool.books.entries:
        pool.drained = True
        pool.out.append(ReportDrained())


# What a proxy says, by the stage of its container.


def prewarm_ready(pool: ContainerPool, entry: Entry, message: NeedWork) -> None:
    """STARTING: it may be taken; perhaps somebody waits for it."""
    expires = message.data.expires if isinstance(message.data, PreWarmedData) else None
    pool.books.prewarm_is_ready(entry, expires)
    pool.prewarming.succeeded((entry.kind, entry.memory))
    pool.serve_waiting()


def activation_ended(pool: ContainerPool, entry: Entry, message: NeedWork) -> None:
    """WARMING, WARMED: it has room."""
    pool.settle(entry, message)
    pool.books.warmed(entry)
    entry.resized = False
    if entry.is_idle:
        pool.policy.became_idle(entry.number, pool.now)
    pool.serve_waiting(entry.group)


def counted_only(pool: ContainerPool, entry: Entry, message: NeedWork) -> None:
    """REMOVING, GONE: too late for work."""
    pool.settle(entry, message)


def handed_back(pool: ContainerPool, entry: Entry, message: Run) -> None:
    """Any stage: the run was not run and goes before all that wait. One that we do not miss is ignored."""
    run = pool.books.take_back(entry, message.msg.activation_id)
    if run is None:
        return
    pool.books.forget_if_done(entry)
    if entry.resized:
        pool.prewarming.not_resized(pool.now)
    if run.attempts != message.attempts:
        run = evolve(run, attempts=message.attempts)
    if pool.try_place(run):
        pool.serve_waiting()
    else:
        pool.wait(run, in_front=True)


def prewarm_failed(pool: ContainerPool, entry: Entry, message: ContainerRemoved | RescheduleJob) -> None:
    """STARTING: it did not come up."""
    pool.prewarming.failed((entry.kind, entry.memory), pool.now)
    leaves(pool, entry, message)


def leaves(pool: ContainerPool, entry: Entry, message: ContainerRemoved | RescheduleJob) -> None:
    """Any stage: it goes; its memory is not free yet. REMOVING: we sent it away ourselves."""
    pool.settle(entry, message)
    if entry.stage is not Stage.REMOVING:
        pool.books.leave(entry)
        pool.policy.gone(entry.number, Gone.LEFT, pool.now)
    if isinstance(message, ContainerRemoved) and message.replace_prewarm:
        adjust(pool, Occasion.BACKFILL)


def destroyed(pool: ContainerPool, entry: Entry, message: ContainerDestroyed) -> None:
    """Any stage: its memory is free. It is dismissed once the runs on their way to it are back."""
    pool.settle(entry, message)
    pool.policy.gone(entry.number, Gone.LEFT, pool.now)
    pool.books.free(entry)
    pool.out.append(SendDismiss(entry.number))
    _after_freed(pool)


def _after_freed(pool: ContainerPool) -> None:
    pool.serve_waiting()
    if pool.prewarming.short:
        adjust(pool, Occasion.BACKFILL)


Row = Callable[..., None]

EVENTS: dict[type[PoolEvent], Row] = {
    Submit: submit,
    FromProxy: from_proxy,
    ProxyExited: proxy_exited,
    StartPool: start_pool,
    AdjustPrewarmedContainer: adjust_prewarmed_container,
    BackfillPrewarmed: backfill_prewarmed,
    ExpireIdle: expire_idle,
    DrainPool: drain_pool,
}

#: (stage of the container, message of its proxy) -> row. What is absent changes nothing.
FROM_PROXY: dict[tuple[Stage, type[Any]], Row] = {
    (Stage.STARTING, NeedWork): prewarm_ready,
    (Stage.STARTING, ContainerRemoved): prewarm_failed,
    (Stage.STARTING, RescheduleJob): prewarm_failed,
    (Stage.STARTING, ContainerDestroyed): destroyed,
    (Stage.PREWARMED, ContainerRemoved): leaves,
    (Stage.PREWARMED, RescheduleJob): leaves,
    (Stage.PREWARMED, ContainerDestroyed): destroyed,
    (Stage.REMOVING, NeedWork): counted_only,
    (Stage.REMOVING, ContainerRemoved): leaves,
    (Stage.REMOVING, RescheduleJob): leaves,
    (Stage.REMOVING, Run): handed_back,
    (Stage.REMOVING, ContainerDestroyed): destroyed,
    (Stage.GONE, NeedWork): counted_only,
    (Stage.GONE, ContainerRemoved): counted_only,
    (Stage.GONE, RescheduleJob): counted_only,
    (Stage.GONE, Run): handed_back,
}
for _stage in (Stage.WARMING_COLD, Stage.WARMING, Stage.WARMED):
    FROM_PROXY[_stage, NeedWork] = activation_ended
    FROM_PROXY[_stage, ContainerRemoved] = leaves
    FROM_PROXY[_stage, RescheduleJob] = leaves
    FROM_PROXY[_stage, Run] = handed_back
    FROM_PROXY[_stage, ContainerDestroyed] = destroyed
