"""Clients that want to see each activation record as soon as it is kept, and perhaps its log before."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from itertools import count
from typing import Any, cast

from attrs import define, field

from owactors.core.livelogs.linequeue import LineQueue
from owactors.message.livelogs import FollowLogs, PrintedLine, PrintedLines, UnfollowLogs
from owactors.message.store import RecordEntry
from owactors.store.document import decode
from owactors.store.port import ActivationStore, Json, Store
from owactors.store.record import entry_of

#: records that wait for a client which is slower than they come; then it is cut off
MOST_WAITING = 1000
#: lines that a client is given at once
LINES_AT_ONCE = 1000


@define(eq=False)
class Follower:
    """One client. Fills `rest.telling.Followed`."""

    name: str | None
    _left: Callable[[Follower], None]
    _records: deque[bytes] = field(factory=deque)
    _lines: LineQueue[tuple[str, str]] = field(factory=LineQueue)
    _news: asyncio.Event = field(factory=asyncio.Event)
    _ended: bool = False

    async def next(self) -> Json | tuple[PrintedLine, ...] | None:
        """What waits: lines before records, so that a record comes after its lines; None when no more will come."""
        while True:
            if self._lines:
                return tuple(PrintedLine(*whose, text) for whose, text in self._lines.take(LINES_AT_ONCE))
            if self._records:
                record: Json = decode(self._records.popleft())
                return record
            if self._ended:
                return None
            self._news.clear()
            await self._news.wait()

    def close(self) -> None:
        """The client has left."""
        self._left(self)

    def give(self, record: bytes) -> None:
        """A record for it; if it does not keep up it is cut off."""
        if len(self._records) >= MOST_WAITING:
            self.end()
        elif not self._ended:
            self._records.append(record)
            self._news.set()

    def give_lines(self, lines: Iterable[PrintedLine]) -> None:
        """Lines for it; if it does not keep up it is told how many it missed."""
        if not self._ended:
            for line in lines:
                self._lines.add((line.activation_id, line.name), line.text)
            self._news.set()

    def end(self) -> None:
        """No more records will come."""
        self._ended = True
        self._news.set()


class RecordFollowers:
    """Told of every record by whoever keeps it; gives each to those who follow its namespace.

    `ask` sends a message to every invoker within reach, which then says what running activations print.
    """

    def __init__(self, ask: Callable[[FollowLogs | UnfollowLogs], object] = lambda message: None) -> None:
        self._followers: dict[str, set[Follower]] = {}
        self._ask = ask
        self._numbers = count(1)
        self._live: dict[int, tuple[FollowLogs, Follower]] = {}
        #: activations of which lines came, and perhaps no record; the oldest are forgotten
        self.running: dict[str, str] = {}

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
            number = next(self._numbers)
            wanted = FollowLogs(number, namespace, name)
            self._live[number] = (wanted, follower)
            self._ask(wanted)
        return follower

    def printed(self, message: PrintedLines) -> None:
        """Lines for one of them, who may have left."""
        found = self._live.get(message.follower) if isinstance(message.follower, int) else None
        if found is not None:
            wanted, follower = found
            follower.give_lines(message.lines)
            self.running.update((line.activation_id, wanted.namespace) for line in message.lines)
            while len(self.running) > MOST_WAITING:
                del self.running[next(iter(self.running))]

    @property
    def namespaces(self) -> tuple[str, ...]:
        """Of which somebody follows records."""
        return tuple(self._followers)

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
