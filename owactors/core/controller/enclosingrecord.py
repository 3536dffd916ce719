"""The record of an activation made of other activations (OpenWhisk, SequenceActions.scala, PrimitiveActions.scala)."""

from __future__ import annotations

from typing import Any

from attrs import define, field, frozen

from owactors.entity.action import WhiskAction
from owactors.entity.activation import ActivationResponse, WhiskActivation
from owactors.entity.identity import Identity
from owactors.entity.limits import ActionLimits
from owactors.entity.parameters import Parameters


@frozen
class EnclosingActivation:
    """Who runs what under which id.

    `cause` is the activation around this one, None for the topmost. `binding` is the "ns/pkg" the action
    was reached through. `accepted_at` is when the request came in (epoch ms).
    """

    activation_id: str
    action: WhiskAction
    user: Identity
    accepted_at: int
    cause: str | None = None
    binding: str | None = None

    @property
    def topmost(self) -> bool:
        """True unless another activation caused this one."""
        return self.cause is None


@define
class Tally:
    """What the inner activations add up to: ids in order, sum of durations, the largest memory (MB)."""

    ids: list[str] = field(factory=list)
    duration: int = 0
    memory: int | None = None

    def add(self, record: WhiskActivation) -> None:
        """Count a finished inner activation."""
        self.ids.append(record.activation_id)
        self.duration += record.end - record.start if record.duration is None else record.duration
        memory = _memory_of(record)
        if memory is not None:
            self.memory = memory if self.memory is None else max(self.memory, memory)


def enclosing_record(
    enclosing: EnclosingActivation, tally: Tally, response: ActivationResponse, start: int, end: int
) -> WhiskActivation:
    """The record; `limits` are annotated only if some memory is known."""
    action = enclosing.action
    return WhiskActivation(
        namespace=enclosing.user.namespace.name,
        name=action.name,
        subject=enclosing.user.subject,
        activation_id=enclosing.activation_id,
        start=start,
        end=end,
        cause=enclosing.cause,
        response=response,
        logs=tuple(tally.ids),
        version=str(action.version),
        annotations=Parameters.of(_annotations(enclosing, tally, start)),
        duration=tally.duration,
    )


def _annotations(enclosing: EnclosingActivation, tally: Tally, start: int) -> dict[str, Any]:
    action = enclosing.action
    annotations: dict[str, Any] = {
        "topmost": enclosing.topmost,
        "path": action.doc_id,
        "kind": "sequence",
        "waitTime": max(0, start - enclosing.accepted_at),
    }
    if not action.is_sequence:
        annotations["conductor"] = True
    if not enclosing.topmost:
        annotations["causedBy"] = "sequence"
    if enclosing.binding is not None:
        annotations["binding"] = enclosing.binding
    if tally.memory is not None:
        limits = ActionLimits(action.limits.timeout, tally.memory, action.limits.logs)
        annotations["limits"] = limits.to_json()
    return annotations


def _memory_of(record: WhiskActivation) -> int | None:
    limits = record.annotations.get("limits")
    memory = limits.get("memory") if isinstance(limits, dict) else None
    return memory if isinstance(memory, int) else None
