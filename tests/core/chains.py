"""Actions, records and a driver for tests of sequences and compositions: no clock, no I/O."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

from attrs import define, field

from owactors.core.controller.composition import Composition
from owactors.core.controller.enclosingrecord import EnclosingActivation
from owactors.core.controller.innercalls import (
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
    Used,
)
from owactors.core.controller.sequence import Sequence
from owactors.entity.action import WhiskAction
from owactors.entity.activation import ActivationResponse, WhiskActivation
from owactors.entity.exec import CodeExec, SequenceExec
from owactors.entity.identity import Identity, Namespace
from owactors.entity.limits import ActionLimits
from owactors.entity.parameters import Parameters

USER = Identity("guest-subject", Namespace("guest", "uuid"))
Body = Callable[[Any], Any]


def action(name: str, memory: int = 256, **annotations: Any) -> WhiskAction:
    return WhiskAction(
        "guest",
        name,
        CodeExec("nodejs:20", "code"),
        limits=ActionLimits(memory=memory),
        annotations=Parameters.of(annotations),
    )


def conductor(name: str = "c") -> WhiskAction:
    return action(name, conductor=True)


def sequence(name: str, *components: str, namespace: str = "guest") -> WhiskAction:
    return WhiskAction(namespace, name, SequenceExec(components))


def kind_of(found: WhiskAction) -> ComponentKind:
    if found.is_sequence:
        return ComponentKind.SEQUENCE
    return ComponentKind.CONDUCTOR if found.is_conductor else ComponentKind.ACTION


class Overdue(Exception):
    """A body raises it: the record never comes."""


class Broken(Exception):
    """A body raises it: the call could not be made."""


@define
class World:
    """Actions by doc id with what they do; runs machines to the end and keeps every record.

    A body takes the payload and returns a result, an ActivationResponse, or raises Overdue or Broken.
    """

    actions: dict[str, WhiskAction] = field(factory=dict)
    bodies: dict[str, Body] = field(factory=dict)
    forbidden: set[str] = field(factory=set)
    unknowable: set[str] = field(factory=set)
    limit: int = 50
    records: dict[str, WhiskActivation] = field(factory=dict)
    seen: list[tuple[str, Any]] = field(factory=list)
    now: int = 1000
    ids: Any = field(factory=lambda: count(1))

    def add(self, made: WhiskAction, body: Body | None = None) -> WhiskAction:
        self.actions[made.doc_id] = made
        if body is not None:
            self.bodies[made.doc_id] = body
        return made

    def simple(self, name: str, body: Body, **more: Any) -> WhiskAction:
        return self.add(action(name, **more), body)

    def new_id(self) -> str:
        return f"{next(self.ids):032x}"

    def run(self, top: WhiskAction, payload: Any = None, binding: str | None = None) -> WhiskActivation:
        return self.machine(top, payload, None, Used(), binding)[0]

    def machine(
        self, made: WhiskAction, payload: Any, cause: str | None, used: Used, binding: str | None = None
    ) -> tuple[WhiskActivation, Used]:
        enclosing = EnclosingActivation(self.new_id(), made, USER, self.now - 7, cause, binding)
        kind = Sequence if made.is_sequence else Composition
        machine = kind(enclosing, self.limit, payload, used)
        return self.drive(machine, enclosing)

    def drive(self, machine: Sequence | Composition, enclosing: EnclosingActivation) -> tuple[WhiskActivation, Used]:
        events: list[Event] = [Start(self.now)]
        found: dict[int, WhiskAction] = {}
        while events:
            for instruction in machine.handle(events.pop(0)):
                if isinstance(instruction, Finish):
                    machine.validate()
                    self.records[instruction.record.activation_id] = instruction.record
                    return instruction.record, instruction.used
                events.append(self.carry_out(instruction, enclosing, found))
            machine.validate()
        raise AssertionError(f"the machine waits for ever\n{machine.story}")

    def carry_out(
        self, instruction: Instruction, enclosing: EnclosingActivation, found: dict[int, WhiskAction]
    ) -> Event:
        if isinstance(instruction, ResolveComponent):
            return self.resolve(instruction, found)
        if isinstance(instruction, CallConductor):
            return self.call(enclosing.action, instruction.payload, enclosing.activation_id)
        assert isinstance(instruction, CallComponent)
        component = found[instruction.index]
        if instruction.kind is ComponentKind.ACTION:
            return self.call(component, instruction.payload, enclosing.activation_id)
        record, used = self.machine(component, instruction.payload, enclosing.activation_id, instruction.used)
        return CallFinished(self.now, record, used)

    def resolve(self, wanted: ResolveComponent, found: dict[int, WhiskAction]) -> Event:
        name = wanted.name.doc_id
        if name in self.forbidden:
            return ComponentForbidden(self.now, wanted.index)
        if name in self.unknowable:
            return ResolutionFailed(self.now, wanted.index, "store is away")
        if name not in self.actions:
            return ComponentMissing(self.now, wanted.index)
        component = found[wanted.index] = self.actions[name]
        return ComponentResolved(self.now, wanted.index, kind_of(component), component.limits.timeout)

    def call(self, called: WhiskAction, payload: Any, cause: str) -> Event:
        """A call takes ten milliseconds, of which the action uses five."""
        self.now += 10
        self.seen.append((called.name, payload))
        activation_id = self.new_id()
        try:
            result = self.bodies[called.doc_id](payload)
        except Overdue:
            return CallOverdue(self.now, activation_id)
        except Broken:
            return CallFailed(self.now, "no invoker")
        record = self.record(called, activation_id, result, cause)
        self.records[activation_id] = record
        return CallFinished(self.now, record)

    def record(self, called: WhiskAction, activation_id: str, result: Any, cause: str) -> WhiskActivation:
        failed = isinstance(result, dict) and "error" in result
        response = result if isinstance(result, ActivationResponse) else ActivationResponse(1 if failed else 0, result)
        return WhiskActivation(
            "guest",
            called.name,
            "guest-subject",
            activation_id,
            self.now - 5,
            self.now,
            response,
            annotations=Parameters.of({"limits": called.limits.to_json(), "causedBy": "sequence"}),
            duration=5,
            cause=cause,
        )

    def called(self) -> list[str]:
        return [name for name, _ in self.seen]
