"""A sequence: components run one after the other, each with the result of the one before.

All components are resolved at the start; a missing one matters only when its turn comes. An `error` in a
component's result ends the sequence with that result; an `error` in the first payload does not.
(OpenWhisk, SequenceActions.scala.)
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any

from attrs import define, evolve, field

from owactors.core.controller.enclosingrecord import EnclosingActivation, Tally, enclosing_record
from owactors.core.controller.innercalls import (
    GRACE_MS,
    CallComponent,
    CallFailed,
    CallFinished,
    CallOverdue,
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
from owactors.entity.exec import SequenceExec
from owactors.entity.names import FullyQualifiedEntityName

TOO_LONG = "Too many actions in the sequence."
COMPONENT_NOT_FOUND = "Sequence component does not exist."
FAILED = "Sequence failed."
TIMED_OUT = "Timeout reached when retrieving activation {} for sequence component."

Resolution = ComponentResolved | ComponentMissing | ResolutionFailed


class State(Enum):
    """RESOLVING waits for the component whose turn it is, CALLING for its result."""

    NEW = "new"
    RESOLVING = "resolving"
    CALLING = "calling"
    DONE = "done"


@define
class Sequence:
    """One run of a sequence. `limit` bounds the atomic actions, those of nested sequences included."""

    enclosing: EnclosingActivation
    limit: int
    payload: Any = None
    used: Used = Used()
    state: State = State.NEW
    turn: int = 0
    started_at: int = 0
    resolutions: dict[int, Resolution] = field(factory=dict)
    tally: Tally = field(factory=Tally)
    story: Story = field(factory=Story)

    def handle(self, event: Event) -> list[Instruction]:
        """Take one event; returns what is to be done. UnexpectedEvent if there is no row for it."""
        row = _TABLE.get((self.state, type(event)))
        if row is None:
            raise UnexpectedEvent(self.state.value, event, self.story)
        self.story.note(self.state.value, event)
        return row(self, event)

    @property
    def components(self) -> tuple[str, ...]:
        """Names such as "/ns/pkg/name"."""
        exec = self.enclosing.action.exec
        return exec.components if isinstance(exec, SequenceExec) else ()

    def validate(self) -> None:
        """Raise AssertionError if the books do not add up."""
        assert 0 <= self.turn <= len(self.components)
        assert self.used.atomic <= self.limit or self.state is State.DONE
        assert len(self.tally.ids) in (self.turn, self.turn + 1)
        if self.state is State.CALLING:
            assert isinstance(self.resolutions[self.turn], ComponentResolved)

    def _start(self, event: Start) -> list[Instruction]:
        self.started_at = event.now
        namespace = self.enclosing.user.namespace.name
        resolve = [
            ResolveComponent(index, FullyQualifiedEntityName.parse(name).resolve(namespace))
            for index, name in enumerate(self.components)
        ]
        return [*resolve, *self._next(event.now)]

    def _resolved(self, event: Resolution) -> list[Instruction]:
        self.resolutions[event.index] = event
        if self.state is State.RESOLVING and event.index == self.turn:
            return self._next(event.now)
        return []

    def _next(self, now: int) -> list[Instruction]:
        """Call the component whose turn it is, as soon as it is resolved."""
        if self.turn == len(self.components):
            return self._finish(ActivationResponse.success(self.payload), now)
        if self.used.atomic >= self.limit or self.used.exhausted(self.limit):
            return self._finish(ActivationResponse.application_error(TOO_LONG), now)
        resolution = self.resolutions.get(self.turn)
        if resolution is None:
            self.state = State.RESOLVING
            return []
        if isinstance(resolution, ComponentMissing):
            return self._finish(ActivationResponse.application_error(COMPONENT_NOT_FOUND), now)
        if isinstance(resolution, ResolutionFailed):
            return self._finish(ActivationResponse.whisk_error(FAILED), now)
        return self._call(resolution)

    def _call(self, component: ComponentResolved) -> list[Instruction]:
        self.state = State.CALLING
        payload, self.payload = self.payload, None
        same = component.kind is ComponentKind.SEQUENCE
        waited_for = component.kind is ComponentKind.ACTION
        return [
            CallComponent(
                index=self.turn,
                kind=component.kind,
                payload=payload if isinstance(payload, dict | list) else None,
                wait_ms=component.timeout_ms + GRACE_MS if waited_for else None,
                used=self.used.deeper() if same else self.used.afresh(),
            )
        ]

    def _finished(self, event: CallFinished) -> list[Instruction]:
        self._count(event)
        self.tally.add(event.record)
        if self.used.atomic > self.limit:
            return self._finish(ActivationResponse.application_error(TOO_LONG), event.now)
        if _stops(event.record):
            return self._finish(event.record.response, event.now)
        self.turn += 1
        if self.turn == len(self.components):
            return self._finish(event.record.response, event.now)
        self.payload = event.record.response.result
        return self._next(event.now)

    def _count(self, event: CallFinished) -> None:
        resolution = self.resolutions[self.turn]
        if isinstance(resolution, ComponentResolved) and resolution.kind is ComponentKind.SEQUENCE:
            self.used = self.used.after(event.used)
        else:
            used = self.used.called() if event.used is None else self.used.after_other(event.used)
            self.used = evolve(used, atomic=used.atomic + 1)

    def _overdue(self, event: CallOverdue) -> list[Instruction]:
        self.tally.ids.append(event.activation_id)
        text = TIMED_OUT.format(event.activation_id)
        return self._finish(ActivationResponse.whisk_error(text), event.now)

    def _failed(self, event: CallFailed) -> list[Instruction]:
        return self._finish(ActivationResponse.whisk_error(FAILED), event.now)

    def _ignore(self, event: Event) -> list[Instruction]:
        """A resolution of a component that will not run any more."""
        return []

    def _finish(self, response: ActivationResponse, now: int) -> list[Instruction]:
        self.state, self.payload = State.DONE, None
        record = enclosing_record(self.enclosing, self.tally, response, self.started_at, now)
        return [Finish(record, self.used)]


def _stops(record: WhiskActivation) -> bool:
    result = record.response.result
    return not record.response.is_success or (isinstance(result, dict) and "error" in result)


_TABLE: dict[tuple[State, type], Callable[[Sequence, Any], list[Instruction]]] = {
    (State.NEW, Start): Sequence._start,
    (State.RESOLVING, ComponentResolved): Sequence._resolved,
    (State.RESOLVING, ComponentMissing): Sequence._resolved,
    (State.RESOLVING, ResolutionFailed): Sequence._resolved,
    (State.CALLING, ComponentResolved): Sequence._resolved,
    (State.CALLING, ComponentMissing): Sequence._resolved,
    (State.CALLING, ResolutionFailed): Sequence._resolved,
    (State.CALLING, CallFinished): Sequence._finished,
    (State.CALLING, CallOverdue): Sequence._overdue,
    (State.CALLING, CallFailed): Sequence._failed,
    (State.DONE, ComponentResolved): Sequence._ignore,
    (State.DONE, ComponentMissing): Sequence._ignore,
    (State.DONE, ResolutionFailed): Sequence._ignore,
}
