"""Prewarmed containers by kind and memory: those being made, and those ready, the first to expire in front."""

from __future__ import annotations

from heapq import heappop, heappush

from attrs import define, field

from owactors.core.containerpool.entry import Entry, Stage

#: Kind and memory (MB).
PrewarmKey = tuple[str, int]


@define
class _Shelf:
    starting: dict[int, Entry] = field(factory=dict)
    timeless: dict[int, Entry] = field(factory=dict)
    perishable: dict[int, Entry] = field(factory=dict)
    by_expiry: list[tuple[float, int]] = field(factory=list)


@define
class PrewarmedIndex:
    """`memory` is what the ready ones hold together, `starting_memory` those that are being made, in MB."""

    memory: int = 0
    starting_memory: int = 0
    _shelves: dict[PrewarmKey, _Shelf] = field(factory=dict)

    def starting(self, entry: Entry) -> None:
        """One more is being made."""
        self._shelf(entry).starting[entry.number] = entry
        self.starting_memory += entry.memory

    def ready(self, entry: Entry) -> None:
        """One that was being made is ready, until `entry.expires`."""
        shelf = self._shelf(entry)
        self._started(shelf, entry)
        self.memory += entry.memory
        if entry.expires is None:
            shelf.timeless[entry.number] = entry
        else:
            shelf.perishable[entry.number] = entry
            heappush(shelf.by_expiry, (entry.expires, entry.number))

    def drop(self, entry: Entry) -> None:
        """It is taken or goes; others than prewarmed ones are ignored."""
        if entry.stage is Stage.STARTING:
            self._started(self._shelf(entry), entry)
        elif entry.stage is Stage.PREWARMED:
            shelf = self._shelf(entry)
            shelf.timeless.pop(entry.number, None)
            shelf.perishable.pop(entry.number, None)
            self.memory -= entry.memory

    def first(self, kind: str, memory: int, now: float) -> Entry | None:
        """The one to take: the first to expire, where those that never expire count as expiring now."""
        shelf = self._shelves.get((kind, memory))
        if shelf is None:
            return None
        soonest = self._soonest(shelf)
        if shelf.timeless and (soonest is None or (soonest.expires or 0.0) > now):
            return next(iter(shelf.timeless.values()))
        return soonest

    def nearest(self, kind: str, memory: int, room: int, now: float) -> Entry | None:
        """The one to resize to `memory` MB: the nearest in size, which may grow by `room` MB at most."""
        sizes = [size for other, size in self._shelves if other == kind and memory - size <= room]
        for size in sorted(sizes, key=lambda size: (abs(size - memory), -size)):
            found = self.first(kind, size, now)
            if found is not None:
                return found
        return None

    def count(self, key: PrewarmKey) -> int:
        """Ready and being made."""
        shelf = self._shelves.get(key)
        return len(shelf.starting) + len(shelf.timeless) + len(shelf.perishable) if shelf else 0

    def expired(self, now: float, limit: int) -> list[Entry]:
        """The first `limit` that are over their time, longest first, of all kinds."""
        shelves = self._shelves.values()
        found = [entry for shelf in shelves for entry in shelf.perishable.values() if (entry.expires or 0.0) <= now]
        return sorted(found, key=lambda entry: (entry.expires, entry.number))[:limit]

    def all_ready(self) -> list[Entry]:
        """Every ready one, the first to expire first and those that never expire last."""
        shelves = self._shelves.values()
        found = [entry for shelf in shelves for entry in (*shelf.perishable.values(), *shelf.timeless.values())]
        return sorted(found, key=lambda entry: (entry.expires is None, entry.expires or 0.0, entry.number))

    def all_starting(self) -> list[Entry]:
        """Every one that is being made, the last to be begun first: with it the least work is lost."""
        found = [entry for shelf in self._shelves.values() for entry in shelf.starting.values()]
        return sorted(found, key=lambda entry: -entry.number)

    def _started(self, shelf: _Shelf, entry: Entry) -> None:
        if shelf.starting.pop(entry.number, None) is not None:
            self.starting_memory -= entry.memory

    def _shelf(self, entry: Entry) -> _Shelf:
        return self._shelves.setdefault((entry.kind, entry.memory), _Shelf())

    def _soonest(self, shelf: _Shelf) -> Entry | None:
        while shelf.by_expiry:
            entry = shelf.perishable.get(shelf.by_expiry[0][1])
            if entry is not None:
                return entry
            heappop(shelf.by_expiry)
        return None
