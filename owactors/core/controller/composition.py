"""A composition: a conductor is asked again and again which action to run next and with what.

The conductor's result is a dictionary with `action` (the next component; none ends the composition),
`params` (the component's input or the final result) and `state` (comes back to the conductor, merged over
the component's result). Failures of components are data for the conductor. (OpenWhisk, PrimitiveActions.scala.)
"""

from __future__ import annotations

import json
from collections.abc import Callable
from enum import Enum
from typing import Any

from attrs import define, evolve, field

from owactors.core.controller.componentname import component_name
from owactors.core.controller.enclosingrecord import EnclosingActivation, Tally, enclosing_record
from owactors.core.controller.innercalls import (
    GRACE_MS,
    CallComponent,
    CallConductor,
    CallFailed,
    CallFinished,
    CallOverdue,
    ComponentForbidden,
    ComponentKind,
    ComponentMissing,
    ComponentResolved,
    Event,
    Finish,
    Instruction,
    ResolutionFailed,
    ResolveComponent,
    Start,
    Story,
    UnexpectedEvent,
    Used,
)
from owactors.entity.activation import ActivationResponse, WhiskActivation
from owactors.entity.names import FullyQualifiedEntityName

TOO_LONG = "Too many actions in the composition."
INVALID_NAME = "Failed to parse action name from json value {} during composition."
NOT_FOUND = "Failed to resolve action with name '{}' during composition."
FORBIDDEN = "Failed entitlement check for action with name '{}' during composition."
FAILED = "Activation failure during composition."
TIMED_OUT = "Timeout reached when retrieving activation {} during composition."


class State(Enum):
    """CONDUCTING waits for the conductor's result, RESOLVING for a component's, CALLING for its result."""

    NEW = "new"
    CONDUCTING = "conducting"
    RESOLVING = "resolving"
    CALLING = "calling"
    DONE = "done"


@define
class Composition:
    """One run of a composition.

    `limit` is n: n components may be called and the conductor 2n + 1 times, nested compositions included.
    """

    enclosing: EnclosingActivation
    limit: int
    payload: Any = None
    used: Used = Used()
    state: State = State.NEW
    kept: dict[str, Any] | None = None
    next_name: FullyQualifiedEntityName | None = None
    next_kind: ComponentKind = ComponentKind.ACTION
    resolved: int = 0
    started_at: int = 0
    tally: Tally = field(factory=Tally)
    story: Story = field(factory=Story)

    def handle(self, event: Event) -> list[Instruction]:
        """Take one event; returns what is to be done. UnexpectedEvent if there is no row for it."""
        row = _TABLE.get((self.state, type(event)))
        if row is None:
            raise UnexpectedEvent(self.state.value, event, self.story)
        self.story.note(self.state.value, event)
        return row(self, event)

    def validate(self) -> None:
        """Raise AssertionError if the books do not add up."""
        assert self.used.components <= self.limit
        assert self.used.conductors <= 2 * self.limit + 1
        assert (self.next_name is not None) == (self.state in (State.RESOLVING, State.CALLING))

    def _start(self, event: Start) -> list[Instruction]:
        self.started_at = event.now
        self.tally.memory = self.enclosing.action.limits.memory
        payload, self.payload = self.payload, None
        return self._conduct(payload, event.now)

    def _conduct(self, payload: Any, now: int) -> list[Instruction]:
        """Ask the conductor, with the kept state laid over the payload."""
        self.next_name = None
        if self.used.conductors > 2 * self.limit or self.used.exhausted(self.limit):
            return self._finish(ActivationResponse.application_error(TOO_LONG), now)
        self.state = State.CONDUCTING
        self.used = evolve(self.used.called(), conductors=self.used.conductors + 1)
        if isinstance(payload, dict) and self.kept is not None:
            payload = {**payload, **self.kept}
        return [CallConductor(payload, self.enclosing.action.limits.timeout + GRACE_MS)]

    def _complain(self, text: str, now: int) -> list[Instruction]:
        """Tell the conductor what is wrong with its choice."""
        return self._conduct({"error": text}, now)

    def _conducted(self, event: CallFinished) -> list[Instruction]:
        self.tally.add(event.record)
        result = event.record.response.result
        fields = result if isinstance(result, dict) else {}
        params = _boxed(fields, "params", "value")
        self.kept = _boxed(fields, "state", "state")
        if "action" not in fields:
            return self._finish(_final(event.record, params), event.now)
        return self._choose(fields["action"], params, event.now)

    def _choose(self, action: Any, params: dict[str, Any] | None, now: int) -> list[Instruction]:
        name = component_name(action, self.enclosing.user.namespace.name)
        if name is None:
            value = json.dumps(action, ensure_ascii=False, separators=(",", ":"))
            return self._complain(INVALID_NAME.format(value), now)
        if self.used.components >= self.limit:
            return self._complain(TOO_LONG, now)
        self.state, self.next_name, self.payload = State.RESOLVING, name, params
        self.resolved += 1
        return [ResolveComponent(self.resolved - 1, name)]

    def _call(self, event: ComponentResolved) -> list[Instruction]:
        self.state, self.next_kind = State.CALLING, event.kind
        payload, self.payload = self.payload, None
        if event.kind is ComponentKind.CONDUCTOR:
            return [CallComponent(event.index, event.kind, payload, None, self.used.deeper())]
        self.used = evolve(self.used, components=self.used.components + 1)
        wait = None if event.kind is ComponentKind.SEQUENCE else event.timeout_ms + GRACE_MS
        return [CallComponent(event.index, event.kind, payload, wait, self.used.afresh())]

    def _missing(self, event: ComponentMissing | ResolutionFailed) -> list[Instruction]:
        return self._complain(NOT_FOUND.format(self.next_name), event.now)

    def _forbidden(self, event: ComponentForbidden) -> list[Instruction]:
        return self._complain(FORBIDDEN.format(self.next_name), event.now)

    def _called(self, event: CallFinished) -> list[Instruction]:
        self.tally.add(event.record)
        self._count(event)
        result = event.record.response.result
        if result is not None and not isinstance(result, dict):
            result = {"value": result}
        return self._conduct(result or {}, event.now)

    def _count(self, event: CallFinished) -> None:
        if self.next_kind is ComponentKind.CONDUCTOR:
            self.used = self.used.after(event.used)
        elif self.next_kind is ComponentKind.SEQUENCE:
            self.used = self.used.after_other(event.used)
        else:
            self.used = self.used.called()

    def _overdue(self, event: CallOverdue) -> list[Instruction]:
        self.tally.ids.append(event.activation_id)
        text = TIMED_OUT.format(event.activation_id)
        return self._finish(ActivationResponse.whisk_error(text), event.now)

    def _failed(self, event: CallFailed) -> list[Instruction]:
        return self._finish(ActivationResponse.whisk_error(FAILED), event.now)

    def _finish(self, response: ActivationResponse, now: int) -> list[Instruction]:
        self.state, self.payload, self.next_name = State.DONE, None, None
        record = enclosing_record(self.enclosing, self.tally, response, self.started_at, now)
        return [Finish(record, self.used)]


def _boxed(fields: dict[str, Any], name: str, box: str) -> dict[str, Any] | None:
    """The member `name`, put into `{box: …}` if it is not an object; None if there is none."""
    if name not in fields:
        return None
    value = fields[name]
    return value if isinstance(value, dict) else {box: value}


def _final(record: WhiskActivation, params: dict[str, Any] | None) -> ActivationResponse:
    result = record.response.result if params is None else params
    return ActivationResponse(record.response.status_code, result)


_TABLE: dict[tuple[State, type], Callable[[Composition, Any], list[Instruction]]] = {
    (State.NEW, Start): Composition._start,
    (State.CONDUCTING, CallFinished): Composition._conducted,
    (State.CONDUCTING, CallOverdue): Composition._overdue,
    (State.CONDUCTING, CallFailed): Composition._failed,
    (State.RESOLVING, ComponentResolved): Composition._call,
    (State.RESOLVING, ComponentMissing): Composition._missing,
    (State.RESOLVING, ResolutionFailed): Composition._missing,
    (State.RESOLVING, ComponentForbidden): Composition._forbidden,
    (State.CALLING, CallFinished): Composition._called,
    (State.CALLING, CallOverdue): Composition._overdue,
    (State.CALLING, CallFailed): Composition._failed,
}
