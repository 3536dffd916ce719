"""Clients that want to see each activation record as soon as it is kept, and perhaps its log before."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from itertools import count
from typing import Any, cast

from attrs import define, field

from owactors.message.livelogs import FollowLogs, PrintedLine, PrintedLines, UnfollowLogs
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
    _records: asyncio.Queue[bytes | tuple[PrintedLine, ...] | None] = field(factory=lambda: asyncio.Queue(MOST_WAITING))

    async def next(self) -> Json | tuple[PrintedLine, ...] | None:
        """The next record or lines, None when no more will come."""
        found = await self._records.get()
        return decode(found) if isinstance(found, bytes) else found

    def close(self) -> None:
        """The client has left."""
        self._left(self)

    def give(self, found: bytes | tuple[PrintedLine, ...]) -> None:
        """A record or lines for it; one that does not keep up is cut off."""
        try:
            self._records.put_nowait(found)
        except asyncio.QueueFull:
            self.end()

    def end(self) -> None:
        """No more records will come."""
        while self._records.full():
            self._records.get_nowait()
        self._records.put_nowait(None)


class RecordFollowers:
    """Told of every record by whoever keeps it; gives each to those who follow its namespace.

    `ask` sends a message to every invoker within reach, which then says what running activations print.
    """

    def __init__(self, ask: Callable[[FollowLogs | UnfollowLogs], object] = lambda message: None) -> None:
        self._followers: dict[str, set[Follower]] = {}
        self._ask = ask
        self._numbers = count(1)
        self._live: dict[int, tuple[FollowLogs, Follower]] = {}

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

    def follow(self, namespace: str, name: str | None, lines: bool = False) -> Follower:
        """Records from now on, of the action `name` (`action` or `package/action`) only if it is given.

        With `lines` also what activations print while they run, as far as the invokers can tell.
        """
        follower = Follower(name, lambda left: self._left(namespace, left))
        self._followers.setdefault(namespace, set()).add(follower)
        if lines:
            wanted = FollowLogs(next(self._numbers), namespace, name)
            self._live[wanted.follower] = (wanted, follower)
            self._ask(wanted)
        return follower

    def printed(self, message: PrintedLines) -> None:
        """Lines for one of them, who may have left."""
        found = self._live.get(message.follower)
        if found is not None:
            found[1].give(message.lines)

    @property
    def live(self) -> list[FollowLogs]:
        """What an invoker has to be asked that has just come."""
        return [wanted for wanted, _ in self._live.values()]

    def _left(self, namespace: str, follower: Follower) -> None:
        followers = self._followers.get(namespace, set())
        followers.discard(follower)
        if not followers:
            self._followers.pop(namespace, None)
        for number in [number for number, (_, other) in self._live.items() if other is follower]:
            del self._live[number]
            self._ask(UnfollowLogs(number))

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
