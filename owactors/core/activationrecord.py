"""The record of one activation, and its annotations. (OpenWhisk, ContainerProxy.scala, constructWhiskActivation.)"""

from __future__ import annotations

from collections.abc import Mapping

from owactors.core.logs import LogState
from owactors.core.reply import Interval
from owactors.entity.action import WhiskAction
from owactors.entity.activation import ActivationResponse, WhiskActivation
from owactors.entity.parameters import Parameters, ParameterValue
from owactors.message.activation import ActivationMessage

Annotations = Mapping[str, ParameterValue]

_TIMED_OUT = {False: ParameterValue(False), True: ParameterValue(True)}
_SEQUENCE = ParameterValue("sequence")
#: Annotations that OpenWhisk has not: the parts of a call in ms, and how the log was read.
PHASES, LOGS = "phases", "logs"
_LOG_STATES: dict[LogState, ParameterValue] = {
    "complete": ParameterValue("complete"),
    "truncated": ParameterValue("truncated"),
    "timed_out": ParameterValue("timed_out"),
    "failed": ParameterValue("failed"),
    "out_of_band": ParameterValue("out_of_band"),
}


def action_annotations(action: WhiskAction) -> Annotations:
    """The annotations that all activations of an action share: limits, path, kind."""
    return {
        "limits": ParameterValue(action.limits.to_json()),
        "path": ParameterValue(action.doc_id),
        "kind": ParameterValue(action.exec.kind),
    }


def activation_record(
    action: WhiskAction,
    msg: ActivationMessage,
    response: ActivationResponse,
    total: Interval,
    init: Interval | None = None,
    timed_out: bool = False,
    shared: Annotations | None = None,
    phases: Mapping[str, float] | None = None,
) -> WhiskActivation:
    """The record, without logs. `total` covers init and run; `shared` is action_annotations(action), if at hand.

    `phases`: what the parts of the call took, in ms and in order.
    """
    annotations = dict(shared or action_annotations(action))
    annotations["timeout"] = _TIMED_OUT[timed_out]
    if msg.cause is not None:
        annotations["causedBy"] = _SEQUENCE
    if init is not None:
        annotations["initTime"] = ParameterValue(init.duration)
    begun = total.start if init is None else init.start
    annotations["waitTime"] = ParameterValue(max(0, begun - msg.transid.start))
    if msg.action.binding is not None:
        annotations["binding"] = ParameterValue(msg.action.binding)
    if phases:
        annotations[PHASES] = ParameterValue({name: round(ms, 1) for name, ms in phases.items()})
    return WhiskActivation(
        namespace=msg.user.namespace.name,
        name=action.name,
        subject=msg.user.subject,
        activation_id=msg.activation_id,
        start=total.start,
        end=total.end,
        response=response,
        version=str(action.version),
        annotations=Parameters(annotations),
        duration=total.duration,
        cause=msg.cause,
    )


def record_with_logs(record: WhiskActivation, lines: tuple[str, ...], state: LogState | None) -> WhiskActivation:
    """The record with its logs, and with a state the annotation that says how they were read."""
    if state is None:
        return record.with_logs(lines, record.annotations) if lines else record
    annotations = Parameters({**record.annotations.entries, LOGS: _LOG_STATES[state]})
    return record.with_logs(lines, annotations)


def total_interval(run: Interval, init: Interval | None) -> Interval:
    """From the run's start, moved back by the length of init, to the run's end; the gap between both is left out."""
    return run if init is None else Interval(run.start - init.duration, run.end)
