"""How many controllers share the invokers: each says every second that it is there. Times in seconds."""

from __future__ import annotations

from attrs import Factory, define, field, frozen

#: silence after which a controller is taken for dead
MEMBER_TIMEOUT = 10.0


@frozen
class MemberHeard:
    """A controller said that it is there, or that it leaves."""

    controller: str
    leaving: bool
    now: float


@frozen
class MembersTick:
    """Time passed."""

    now: float


@frozen
class SizeChanged:
    """So many controllers are there now, this one included, and these."""

    size: int
    members: tuple[str, ...] = ()


@define
class Membership:
    """The controllers as `own` sees them."""

    own: str
    _heard: dict[str, float] = field(factory=dict)
    _known: tuple[str, ...] = field(default=Factory(lambda self: (self.own,), takes_self=True))

    @property
    def members(self) -> tuple[str, ...]:
        """All of them, this one included."""
        return tuple(sorted(self._heard.keys() | {self.own}))

    @property
    def size(self) -> int:
        """At least one."""
        return len(self.members)

    def handle(self, event: MemberHeard | MembersTick) -> list[SizeChanged]:
        """Take one event."""
        if isinstance(event, MemberHeard):
            self._hear(event)
        gone = [name for name, heard in self._heard.items() if event.now - heard >= MEMBER_TIMEOUT]
        for name in gone:
            del self._heard[name]
        before, self._known = self._known, self.members
        return [SizeChanged(self.size, self._known)] if self._known != before else []

    def _hear(self, event: MemberHeard) -> None:
        if event.leaving:
            self._heard.pop(event.controller, None)
        else:
            self._heard[event.controller] = event.now
