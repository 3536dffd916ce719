"""Entities that were read, by document id, and whether each may still be used as it is.

An entity that was asked for lately is kept. If it may have been changed unheard, it is read again before it is used; if
the store cannot be reached meanwhile, it is used all the same. Times in seconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Generic, TypeVar

from attrs import define, frozen

from owactors.message.store import StoreUnavailable
from owactors.rest.cache import ExpiringCache

E = TypeVar("E")

#: while changes may go unheard, what was read so long ago is read again
UNHEARD_SECONDS = 2.0
#: reading again is waited for so long, and not begun for so long after it failed
PATIENCE, REST = 2.0, 3.0
_MOST = 20_000


@define(eq=False)
class _Kept(Generic[E]):
    """An entity, when reading it began, and which doubts had been told by then; -1: it is doubted itself."""

    entity: E
    read: float
    doubts: int


@frozen
class Reading:
    """What was known when reading began: changes, doubts, the time, and how often something doubtful was used."""

    changes: int
    doubts: int
    began: float
    lent: int


class EntityCache(Generic[E]):
    """See the module's text."""

    def __init__(self, ttl: float, monotonic: Callable[[], float]) -> None:
        self._ttl, self._now = ttl, monotonic
        self._kept: ExpiringCache[str, _Kept[E]] = ExpiringCache(ttl, monotonic, _MOST, sliding=True)
        #: every change is heard of, wherever it is made
        self.hears = True
        #: grows with all that may have changed: what was being read meanwhile is not kept
        self.changes = 0
        self._doubts = self._lent = 0
        self._again: dict[tuple[str, int], asyncio.Task[E | None]] = {}
        self._rests_until = float("-inf")

    # -- what may have changed

    def drop(self, doc_ids: Iterable[str]) -> None:
        """These have changed."""
        self.changes += 1
        for doc_id in doc_ids:
            self._kept.drop(doc_id)

    def doubt(self, doc_ids: Iterable[str] | None) -> None:
        """These, or with None any, may have changed."""
        self.changes += 1
        if doc_ids is None:
            self._doubts += 1
            return
        for doc_id in doc_ids:
            kept = self._kept.get(doc_id)
            if kept is not None:
                kept.doubts = -1

    @property
    def age(self) -> float:
        """What was read longer ago is read again."""
        return self._ttl if self.hears else min(UNHEARD_SECONDS, self._ttl)

    def _good(self, kept: _Kept[E]) -> bool:
        return kept.doubts == self._doubts and self._now() - kept.read < self.age

    # -- reading

    async def get(self, doc_id: str, again: Callable[[E], Awaitable[E | None]]) -> E | None:
        """What is kept, or what `again` makes of it: what is there now, None if nothing of that kind is."""
        kept = self._kept.get(doc_id)
        if kept is None or self._good(kept):
            return None if kept is None else kept.entity
        if self._now() < self._rests_until:
            return self._lend(kept)
        return await self._read_again(doc_id, kept, again)

    def begin(self) -> Reading:
        """An entity is being read from now on."""
        return Reading(self.changes, self._doubts, self._now(), self._lent)

    def keep(self, doc_id: str, entity: E, reading: Reading) -> None:
        """It was read, and is kept unless something has changed meanwhile."""
        if reading.changes == self.changes:
            self._kept.put(doc_id, _Kept(entity, reading.began, reading.doubts))

    def lasts(self, reading: Reading) -> bool:
        """Whether all that was used since is good, and nothing has changed."""
        return (reading.changes, reading.lent) == (self.changes, self._lent)

    async def _read_again(self, doc_id: str, kept: _Kept[E], again: Callable[[E], Awaitable[E | None]]) -> E | None:
        """Those that ask at the same time wait for the same answer, but for none that may be older than a change."""
        place = (doc_id, self.changes)
        task = self._again.get(place)
        if task is None:
            task = self._again[place] = asyncio.create_task(self._replace(doc_id, kept, again))
            task.add_done_callback(lambda _: self._again.pop(place))
        done, _ = await asyncio.wait((task,), timeout=PATIENCE)
        if done:
            return task.result()
        self._rests_until = self._now() + REST
        return self._lend(kept)

    def _lend(self, kept: _Kept[E]) -> E:
        """It may have changed, and that cannot be told now."""
        self._lent += 1
        return kept.entity

    async def _replace(self, doc_id: str, kept: _Kept[E], again: Callable[[E], Awaitable[E | None]]) -> E | None:
        reading = self.begin()
        try:
            entity = await again(kept.entity)
        except StoreUnavailable:
            self._rests_until = self._now() + REST
            return self._lend(kept)
        if entity is None:
            self._kept.drop(doc_id)
        else:
            self.keep(doc_id, entity, reading)
        return entity
