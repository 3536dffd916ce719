"""Activation records in memory, sorted by start per namespace."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from attrs import Factory, define

from owactors.message.store import Acceptance, NamespaceUsage, NoDocument, RecordEntry
from owactors.store.clock import wall_clock
from owactors.store.record import entry_of, matches, row_of

Json = dict[str, Any]
Rows = list[Json]
Acceptances = tuple[Acceptance, ...]
Usage = tuple[NamespaceUsage, ...]


@define
class _Shelf:
    """The records of one namespace: (start, arrival, entry), the oldest first."""

    places: list[tuple[int, int, RecordEntry]] = Factory(list)
    bytes: int = 0


@define
class MemoryActivations:
    """An ActivationStore (see `port`) without disk: what it returned for lives as long as the process."""

    now: Callable[[], int] = wall_clock
    _entries: dict[tuple[str, str], RecordEntry] = Factory(dict)
    _shelves: dict[str, _Shelf] = Factory(dict)
    _accepted: dict[tuple[str, str], Acceptance] = Factory(dict)
    _arrivals: int = 0

    async def accept(self, activation_id: str, namespace: str, message: bytes) -> None:
        """See the port."""
        key = (namespace, activation_id)
        if key not in self._entries:
            self._accepted.setdefault(key, Acceptance(activation_id, namespace, message, self.now()))

    async def store(self, record: Json) -> None:
        """See the port."""
        self.store_soon(record)

    def store_soon(self, record: Json) -> None:
        """See the port; never full."""
        self._keep(entry_of(record))

    async def store_all(self, entries: Sequence[RecordEntry]) -> None:
        """See the port."""
        for entry in entries:
            self._keep(entry)

    def _keep(self, entry: RecordEntry) -> None:
        self._accepted.pop(entry.key, None)
        if entry.key in self._entries:
            return
        self._entries[entry.key] = entry
        self._arrivals += 1
        shelf = self._shelves.setdefault(entry.namespace, _Shelf())
        insort(shelf.places, (entry.start, self._arrivals, entry))
        shelf.bytes += entry.size

    async def dismiss(self, keys: Sequence[tuple[str, str]]) -> None:
        """See the port."""
        for key in keys:
            self._accepted.pop(key, None)

    async def get(self, namespace: str, activation_id: str) -> Json:
        """See the port."""
        entry = self._entries.get((namespace, activation_id))
        if entry is None:
            raise NoDocument(f"{namespace}/{activation_id}")
        return row_of(entry, docs=True)

    async def list(
        self,
        namespace: str,
        *,
        name: str | None = None,
        skip: int = 0,
        limit: int = 0,
        since: int | None = None,
        upto: int | None = None,
        docs: bool = False,
    ) -> Rows:
        """See the port."""
        found = [*self._matching(namespace, name, since, upto)]
        end = skip + limit if limit else None
        return [row_of(entry, docs) for entry in found[skip:end]]

    async def count(
        self,
        namespace: str,
        *,
        name: str | None = None,
        skip: int = 0,
        since: int | None = None,
        upto: int | None = None,
    ) -> int:
        """See the port."""
        return max(0, sum(1 for _ in self._matching(namespace, name, since, upto)) - skip)

    def _matching(self, namespace: str, name: str | None, since: int | None, upto: int | None) -> Iterator[RecordEntry]:
        shelf = self._shelves.get(namespace, _Shelf())
        for _, _, entry in reversed(shelf.places):
            if matches(entry, namespace, name, since, upto):
                yield entry

    async def unfinished(self) -> Acceptances:
        """See the port."""
        return tuple(self._accepted.values())

    async def usage(self) -> Usage:
        """See the port."""
        return tuple(
            NamespaceUsage(namespace, len(shelf.places), shelf.bytes)
            for namespace, shelf in sorted(self._shelves.items())
            if shelf.places
        )

    async def remove_before(self, namespace: str, start: int, most: int) -> int:
        """See the port."""
        shelf = self._shelves.get(namespace, _Shelf())
        return self._remove(shelf, min(most, bisect_left(shelf.places, (start,))))

    async def remove_oldest(self, namespace: str, surplus: int, most: int) -> int:
        """See the port."""
        shelf = self._shelves.get(namespace, _Shelf())
        many = freed = 0
        for _, _, entry in shelf.places[:most]:
            if freed >= surplus:
                break
            many, freed = many + 1, freed + entry.size
        return self._remove(shelf, many)

    def _remove(self, shelf: _Shelf, many: int) -> int:
        for _, _, entry in shelf.places[:many]:
            del self._entries[entry.key]
            shelf.bytes -= entry.size
        del shelf.places[:many]
        return many

    async def flush(self) -> None:
        """Nothing ever waits."""
