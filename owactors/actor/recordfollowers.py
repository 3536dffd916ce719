"""Clients that want to see each activation record as soon as it is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast

from attrs import define, field

from owactors.message.store import RecordEntry
from owactors.store.document import decode
from owactors.store.port import ActivationStore, Json, Store
from owactors.store.record import entry_of

#: records that wait for a client which is slower than they come; then it is cut off
MOST_WAITING = 1000


@define(eq=False)
class Follower:
    """One client. Fills `rest.telling.Followed`."""

    name: str | None
    _left: Callable[[Follower], None]
    _records: asyncio.Queue[bytes | None] = field(factory=lambda: asyncio.Queue(MOST_WAITING))

    async def next(self) -> Json | None:
        """The next record, None when no more will come."""
        record = await self._records.get()
        return None if record is None else decode(record)

    def close(self) -> None:
        """The client has left."""
        self._left(self)

    def give(self, record: bytes) -> None:
        """A record for it; one that does not keep up is cut off."""
        try:
            self._records.put_nowait(record)
        except asyncio.QueueFull:
            self.end()

    def end(self) -> None:
        """No more records will come."""
        while self._records.full():
            self._records.get_nowait()
        self._records.put_nowait(None)


class RecordFollowers:
    """Told of every record by whoever keeps it; gives each to those who follow its namespace."""

    def __init__(self) -> None:
        self._followers: dict[str, set[Follower]] = {}

    def __bool__(self) -> bool:
        return bool(self._followers)

    def kept(self, entries: Iterable[RecordEntry]) -> None:
        """These records are in the store now."""
        if not self._followers:
            return
        for entry in entries:
            for follower in self._followers.get(entry.namespace, ()):
                if follower.name is None or follower.name == entry.filter:
                    follower.give(entry.record)

    def follow(self, namespace: str, name: str | None) -> Follower:
        """Records from now on, of the action `name` (`action` or `package/action`) only if it is given."""
        follower = Follower(name, lambda left: self._left(namespace, left))
        self._followers.setdefault(namespace, set()).add(follower)
        return follower

    def _left(self, namespace: str, follower: Follower) -> None:
        followers = self._followers.get(namespace, set())
        followers.discard(follower)
        if not followers:
            self._followers.pop(namespace, None)

    def close(self) -> None:
        """No more records will come: everybody is told."""
        for followers in self._followers.values():
            for follower in followers:
                follower.end()


class _FollowedActivations:
    """An activation store that tells the followers of what it has kept."""

    def __init__(self, inner: ActivationStore, followers: RecordFollowers) -> None:
        self._inner, self._followers = inner, followers

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def store(self, record: Json) -> None:
        await self._inner.store(record)
        self._kept(record)

    def store_soon(self, record: Json) -> None:
        self._inner.store_soon(record)
        self._kept(record)

    def _kept(self, record: Json) -> None:
        if self._followers:
            self._followers.kept([entry_of(record)])

    async def store_all(self, entries: Sequence[RecordEntry]) -> None:
        await self._inner.store_all(entries)
        self._followers.kept(entries)


class _FollowedStore:
    def __init__(self, inner: Store, followers: RecordFollowers) -> None:
        self._inner = inner
        self.activations = cast(ActivationStore, _FollowedActivations(inner.activations, followers))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def followed(store: Store, followers: RecordFollowers) -> Store:
    """The same store, which tells the followers of every record that it keeps."""
    return cast(Store, _FollowedStore(store, followers))
