"""What always holds in a pool: its totals and indexes, computed anew from the entries."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from owactors.core.containerpool.books import Books, PoolDefect
from owactors.core.containerpool.entry import SERVING, Entry, Group, Stage

if TYPE_CHECKING:
    from owactors.core.containerpool.pool import ContainerPool


def validate(pool: ContainerPool) -> None:
    """Raise PoolDefect with the story unless every invariant holds."""
    broken = [*_memory(pool), *_runs(pool), *_indexes(pool.books), *_idle(pool)]
    if broken:
        raise PoolDefect("\n".join([*broken, *map(str, pool.story)]))


def _memory(pool: ContainerPool) -> Iterable[str]:
    books = pool.books
    entries = [entry for entry in books.entries.values() if entry.stage is not Stage.GONE]
    used = sum(entry.memory for entry in entries)
    releasing = sum(entry.memory for entry in entries if entry.stage is Stage.REMOVING)
    idle = sum(entry.memory for entry in entries if entry.is_idle)
    if (used, releasing, idle) != (books.used, books.releasing, books.idle):
        yield f"books say {(books.used, books.releasing, books.idle)} MB, entries {(used, releasing, idle)}"
    if used > books.limit:
        yield f"{used} MB are used of {books.limit}"
    if used - releasing + pool.waiting.promised > books.limit:
        yield f"{pool.waiting.promised} MB are promised and cannot be there"


def _runs(pool: ContainerPool) -> Iterable[str]:
    running = [run for entry in pool.books.entries.values() for run in entry.jobs]
    waiting = [run.msg.activation_id for run in (*pool.waiting.promised_runs(), *pool.waiting.blocked)]
    if len(waiting) != len(pool.waiting):
        yield f"{len(waiting)} runs wait, counted {len(pool.waiting)}"
    if len(running) != pool.books.running:
        yield f"{len(running)} runs are running, counted {pool.books.running}"
    if sorted([*running, *waiting]) != sorted(pool.accepted):
        yield "accepted runs are not each in one place"
    promised = sum(run.action.limits.memory for run in pool.waiting.promised_runs())
    if promised != pool.waiting.promised:
        yield f"{promised} MB are promised, counted {pool.waiting.promised}"


def _indexes(books: Books) -> Iterable[str]:
    for key, groups in books.groups.items():
        for group in groups:
            members = [entry for entry in books.entries.values() if entry.group is group]
            if group.key != key or len(members) != group.members or not members:
                yield f"group {key} counts {group.members} of {len(members)} members"
            yield from _open(group, members)
    ready = sum(entry.memory for entry in books.entries.values() if entry.stage is Stage.PREWARMED)
    if ready != books.prewarmed.memory:
        yield f"{ready} MB are prewarmed, counted {books.prewarmed.memory}"
    starting = sum(entry.memory for entry in books.entries.values() if entry.stage is Stage.STARTING)
    if starting != books.prewarmed.starting_memory:
        yield f"{starting} MB are being prewarmed, counted {books.prewarmed.starting_memory}"


def _open(group: Group, members: list[Entry]) -> Iterable[str]:
    offered = {number for entries in group.open.values() for number in entries}
    with_room = {entry.number for entry in members if entry.has_capacity}
    if offered != with_room:
        yield f"group {group.key} offers {offered}, room is in {with_room}"
    for entry in members:
        if entry.stage not in SERVING or len(entry.jobs) > group.action.limits.concurrency:
            yield f"container {entry.number} ({entry.stage.value}) has {len(entry.jobs)} activations"


def _idle(pool: ContainerPool) -> Iterable[str]:
    """Nobody waits for what is there."""
    head = pool.waiting.first_promised()
    if head is not None and pool.books.used + head.action.limits.memory <= pool.books.limit:
        yield "memory is free that was promised"
    if pool.waiting.blocked and _to_free(pool) <= pool.books.idle + pool.books.stem_cells:
        yield "a run waits for memory that nobody uses"
    if pool.waiting.blocked and not pool.accepted:
        yield "blocked runs were not accepted"


def _to_free(pool: ContainerPool) -> int:
    """MB that are missing for the first of the blocked runs, whatever is on its way out."""
    wanted = pool.waiting.blocked[0].action.limits.memory
    return pool.books.used + pool.waiting.promised + wanted - pool.books.limit
