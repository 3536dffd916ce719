"""What sequences and compositions hear and say: activations that are made of other activations.

Times (`now`) are epoch milliseconds. `index` counts the components of a sequence from 0; in a composition
it counts the components resolved so far.
"""

from __future__ import annotations

from collections import deque
from enum import Enum
from typing import Any

from attrs import define, evolve, field, frozen

from owactors.entity.activation import WhiskActivation
from owactors.entity.names import FullyQualifiedEntityName

GRACE_MS = 60_000
"""How much longer than a component's own time limit its result is waited for."""


class ComponentKind(Enum):
    """How a component is run: by an invoker, or as another machine."""

    ACTION = "action"
    SEQUENCE = "sequence"
    CONDUCTOR = "conductor"


@frozen
class Used:
    """How much of the limits has been used; nested machines of the same kind share the first three counts.

    `depth` is how many machines are around this one, of either kind, and `calls` how many actions were called
    under the topmost one: without them machines of two kinds that call each other would never end.
    """

    atomic: int = 0
    conductors: int = 0
    components: int = 0
    depth: int = 0
    calls: int = 0

    def exhausted(self, limit: int) -> bool:
        """True for more than a sequence of `limit` compositions of full length needs, in depth or in calls."""
        return self.depth > limit or self.calls > limit * (3 * limit + 1)

    def called(self) -> Used:
        """One more action called."""
        return evolve(self, calls=self.calls + 1)

    def deeper(self) -> Used:
        """The same counts for a nested machine of the same kind."""
        return evolve(self, depth=self.depth + 1)

    def afresh(self) -> Used:
        """No counts of its own, for a nested machine of the other kind."""
        return Used(depth=self.depth + 1, calls=self.calls)

    def after(self, nested: Used | None) -> Used:
        """The counts a nested machine of the same kind left behind."""
        return self if nested is None else evolve(nested, depth=self.depth)

    def after_other(self, nested: Used | None) -> Used:
        """These counts, and the calls a nested machine of the other kind has made."""
        return self if nested is None else evolve(self, calls=nested.calls)


# events


@frozen
class Start:
    """Begin."""

    now: int


@frozen
class ComponentResolved:
    """The component exists and its parameters are merged. `timeout_ms` is its own time limit."""

    now: int
    index: int
    kind: ComponentKind
    timeout_ms: int


@frozen
class ComponentMissing:
    """There is no such action."""

    now: int
    index: int


@frozen
class ComponentForbidden:
    """The caller may not activate it (compositions only: a sequence is checked before it starts)."""

    now: int
    index: int


@frozen
class ResolutionFailed:
    """Whether there is such an action could not be found out."""

    now: int
    index: int
    reason: str


@frozen
class CallFinished:
    """An inner activation ended, well or not. `used` comes from a nested machine."""

    now: int
    record: WhiskActivation
    used: Used | None = None


@frozen
class CallOverdue:
    """The result of an inner activation did not come in time."""

    now: int
    activation_id: str


@frozen
class CallFailed:
    """An inner activation could not be made at all."""

    now: int
    reason: str


Event = (
    Start
    | ComponentResolved
    | ComponentMissing
    | ComponentForbidden
    | ResolutionFailed
    | CallFinished
    | CallOverdue
    | CallFailed
)


# instructions


@frozen
class ResolveComponent:
    """Find the action and merge its parameters; in a composition check the right to activate it before."""

    index: int
    name: FullyQualifiedEntityName


@frozen
class CallComponent:
    """Run component `index` with this payload (object, array or None) and wait `wait_ms` for its record.

    `wait_ms` None: a nested machine, which always ends by itself.
    """

    index: int
    kind: ComponentKind
    payload: Any = field(hash=False)
    wait_ms: int | None
    used: Used = Used()


@frozen
class CallConductor:
    """Run the conductor itself with this payload and wait `wait_ms` for its record."""

    payload: Any = field(hash=False)
    wait_ms: int


@frozen
class Finish:
    """Store this record and answer with it; `used` goes back to an enclosing machine."""

    record: WhiskActivation
    used: Used


Instruction = ResolveComponent | CallComponent | CallConductor | Finish


class UnexpectedEvent(Exception):
    """An event the machine has no row for; the text ends with its story."""

    def __init__(self, state: str, event: object, story: Story) -> None:
        super().__init__(f"{type(event).__name__} in state {state}\n{story}")


@define
class Story:
    """The last things that happened, for error texts. Payloads are left out."""

    lines: deque[str] = field(factory=lambda: deque(maxlen=40))

    def note(self, state: str, event: Event) -> None:
        """Remember an event."""
        detail = " ".join(
            str(getattr(event, name)) for name in ("index", "activation_id", "reason") if hasattr(event, name)
        )
        if isinstance(event, CallFinished):
            detail = f"{event.record.activation_id} {event.record.response.status_code}"
        self.lines.append(f"{event.now} {state}: {type(event).__name__} {detail}".rstrip())

    def __str__(self) -> str:
        return "\n".join(self.lines)
