"""Whether this controller hears of every document that another one changes. Times in seconds.

Messages that name a changed document are quick, and may get lost: a controller that has just come is not known to all,
a link may be cut. So each controller numbers its changes, and says with each heartbeat how many there were and which
were the last. Whoever hears that knows what it missed: those documents are doubted, or all of them where it cannot
tell which, as when it hears the controller for the first time. It is sure of what it keeps only as long as it hears all
controllers that there are; those that it never heard are known from the store that all share.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from attrs import define, field, frozen

from owactors.message.member import ChangesSaid

#: silence after which a change may go unheard; heartbeats come each second
HEARING_SECONDS = 3.0
#: a change is named in one heartbeat less than this, and in none are more named than that
BEATS, LATEST = 5, 100


@define
class ChangesMade:
    """The own side: what this controller's heartbeats say."""

    life: str
    number: int = 0
    #: the last changes, numbered
    _latest: deque[tuple[int, str]] = field(factory=lambda: deque(maxlen=LATEST))
    #: the numbers that the last heartbeats said
    _said: deque[int] = field(factory=lambda: deque([0], BEATS))

    def made(self, doc_id: str) -> None:
        """A document was written, or perhaps was: others must not keep what they have read of it before."""
        self.number += 1
        self._latest.append((self.number, doc_id))

    def say(self) -> ChangesSaid:
        """For the heartbeat that leaves now."""
        self._said.append(self.number)
        while self._latest and self._latest[0][0] <= self._said[0]:
            self._latest.popleft()
        return ChangesSaid(self.life, self.number, tuple(doc_id for _, doc_id in self._latest))


@frozen
class CameBack:
    """An own heartbeat came back: what others say would come, too."""

    now: float


@frozen
class OtherHeard:
    """Another controller's heartbeat."""

    controller: str
    said: ChangesSaid
    leaving: bool
    now: float


@frozen
class OthersKnown:
    """These controllers are there, or were, and did not say that they left."""

    controllers: frozenset[str]
    now: float


@frozen
class TimePassed:
    """Nothing happened."""

    now: float


@frozen
class Doubt:
    """What was read of these documents before now may be old; with None, of any."""

    doc_ids: tuple[str, ...] | None = None


@frozen
class Sure:
    """From now on every change is heard, or it is not any more."""

    sure: bool


HearingEvent = CameBack | OtherHeard | OthersKnown | TimePassed
HearingInstruction = Doubt | Sure


class HearingDefect(Exception):
    """An invariant does not hold."""


@define
class _Other:
    """Another controller: what it said last, None before it said anything, and when."""

    said: ChangesSaid | None = None
    heard: float = float("-inf")
    left: bool = False


@define
class Hearing:
    """The machine, of the controller `own`. At the beginning it is not sure."""

    own: str
    sure: bool = False
    _now: float = float("-inf")
    _came_back: float = float("-inf")
    #: the store was asked who there is
    _asked: bool = False
    _others: dict[str, _Other] = field(factory=dict)

    def handle(self, event: HearingEvent) -> list[HearingInstruction]:
        """Take one event."""
        self._now = max(self._now, event.now)
        doubts = _ROWS[type(event)](self, event)
        before, self.sure = self.sure, self._hears_all()
        return doubts if self.sure == before else [*doubts, Sure(self.sure)]

    def validate(self) -> None:
        """Raises HearingDefect unless the invariants hold."""
        if self.own in self._others or (self.sure and (self.silent or not self._asked)):
            raise HearingDefect(f"{self!r}: {self.silent} are silent")

    @property
    def silent(self) -> tuple[str, ...]:
        """Those that are not heard and did not say that they left."""
        return tuple(sorted(name for name, other in self._others.items() if self._silent(other)))

    def _silent(self, other: _Other) -> bool:
        return not other.left and self._now - other.heard >= HEARING_SECONDS

    def _hears_all(self) -> bool:
        if not self._asked or self._now - self._came_back >= HEARING_SECONDS:
            return False
        return not self.silent

    # -- rows

    def _own_came_back(self, event: CameBack) -> list[HearingInstruction]:
        self._came_back = event.now
        return []

    def _others_known(self, event: OthersKnown) -> list[HearingInstruction]:
        self._asked = True
        for controller in event.controllers - {self.own}:
            self._others.setdefault(controller, _Other())
        return []

    def _time_passed(self, event: TimePassed) -> list[HearingInstruction]:
        return []

    def _other_heard(self, event: OtherHeard) -> list[HearingInstruction]:
        """What it says again, late, is passed over."""
        other, said = self._others.setdefault(event.controller, _Other()), event.said
        before, other.said = other.said, said
        if before is None or before.life != said.life:
            other.heard, other.left = event.now, event.leaving
            return [Doubt()]
        if said.number < before.number:
            other.said = before
            return []
        other.heard, other.left = event.now, other.left or event.leaving
        missed = said.number - before.number
        if missed > len(said.latest):
            return [Doubt()]
        return [Doubt(tuple(dict.fromkeys(said.latest[-missed:])))] if missed else []


_ROWS: dict[type[HearingEvent], Callable[[Hearing, Any], list[HearingInstruction]]] = {
    CameBack: Hearing._own_came_back,
    OtherHeard: Hearing._other_heard,
    OthersKnown: Hearing._others_known,
    TimePassed: Hearing._time_passed,
}
