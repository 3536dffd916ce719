"""What running activations print, for whoever follows them while they run. One for a process: LIVE.

Log collectors tell it every line they keep; as long as nobody follows, that costs a look at an empty dictionary.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Protocol
from weakref import WeakSet

from attrs import define, field, frozen

from owactors.core.livelogs.linequeue import MOST_WAITING, LineQueue

__all__ = ["LIVE", "MOST_AT_ONCE", "MOST_WAITING", "LineFollower", "LiveLogs", "Printed", "Source", "Subject"]

MOST_AT_ONCE = 1000
GATHERING = 0.03
"""Seconds that lines are gathered before they go out together."""


@frozen
class Subject:
    """Whose lines these are; `name` is the action's, with its package."""

    activation_id: str
    namespace: str
    name: str


Printed = tuple[Subject, str]


class Source(Protocol):
    """Something that prints; it can be held weakly."""

    def printed_so_far(self) -> Iterable[Printed]:
        """The lines of what runs just now."""
        ...


@define(eq=False)
class LineFollower:
    """Lines of one namespace, and of one action only if it is named."""

    namespace: str
    name: str | None
    _lines: LineQueue[Subject] = field(factory=LineQueue)
    _came: asyncio.Event = field(factory=asyncio.Event)

    def take(self, subject: Subject, text: str) -> None:
        """A line of anybody."""
        if subject.namespace == self.namespace and self.name in (None, subject.name):
            self._lines.add(subject, text)
            self._came.set()

    async def next(self) -> list[Printed]:
        """The lines that have come, one at least. What came too fast is left out, with a line that says so."""
        await self._came.wait()
        await asyncio.sleep(GATHERING)
        found = self._lines.take(MOST_AT_ONCE)
        if not self._lines:
            self._came.clear()
        return found


@define(eq=False)
class LiveLogs:
    """The followers and the sources of a process."""

    followers: set[LineFollower] = field(factory=set)
    _sources: WeakSet[Source] = field(factory=WeakSet)

    def prints(self, source: Source) -> None:
        """From now on this one tells its lines."""
        self._sources.add(source)

    def printed(self, subject: Subject, text: str) -> None:
        """A line, as it will be in the record."""
        for follower in self.followers:
            follower.take(subject, text)

    def follow(self, namespace: str, name: str | None) -> LineFollower:
        """The lines from now on, and before them those of what runs already."""
        follower = LineFollower(namespace, name)
        for source in list(self._sources):
            for subject, text in source.printed_so_far():
                follower.take(subject, text)
        self.followers.add(follower)
        return follower

    def leave(self, follower: LineFollower) -> None:
        """It wants no more."""
        self.followers.discard(follower)


LIVE = LiveLogs()
