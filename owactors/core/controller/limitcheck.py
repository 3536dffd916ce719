"""Checks of limits and sizes that a request names. (OpenWhisk, *Limit.scala, WhiskEntity.scala, Actions.scala.)"""

from __future__ import annotations

import orjson
from attrs import frozen

from owactors.core.controller import messages
from owactors.core.controller.rejection import bad_request, too_large
from owactors.entity.exec import BlackBoxExec, CodeExec, Exec, SequenceExec
from owactors.entity.limits import LimitBounds, UserLimits
from owactors.entity.parameters import Parameters
from owactors.entity.size import ByteSize


@frozen
class SystemLimits:
    """What the platform allows where a namespace's limits document says nothing."""

    bounds: LimitBounds = LimitBounds()
    invocations_per_minute: int = 60
    concurrent_invocations: int = 30
    fires_per_minute: int = 60
    sequence_length: int = 50
    parameters: ByteSize = ByteSize.mb(1)
    exec: ByteSize = ByteSize.mb(48)
    payload: ByteSize = ByteSize.mb(1)
    truncation: ByteSize = ByteSize.mb(1)
    max_list: int = 200
    default_list: int = 30


@frozen
class Allowed:
    """The range of one limit for a namespace."""

    least: int
    most: int


def _allowed(least: int | None, most: int | None, system_least: int, system_most: int) -> Allowed:
    return Allowed(
        system_least if least is None else max(least, system_least),
        system_most if most is None else min(most, system_most),
    )


def allowed_limits(user: UserLimits, bounds: LimitBounds) -> dict[str, Allowed]:
    """The ranges of memory, timeout, logs and concurrency; a namespace stays within the system's."""
    b = bounds
    return {
        "memory": _allowed(user.min_action_memory, user.max_action_memory, b.memory.min, b.memory.max),
        "timeout": _allowed(user.min_action_timeout, user.max_action_timeout, b.timeout.min, b.timeout.max),
        "logs": _allowed(user.min_action_logs, user.max_action_logs, b.logs.min, b.logs.max),
        "concurrency": _allowed(
            user.min_action_concurrency, user.max_action_concurrency, b.concurrency.min, b.concurrency.max
        ),
    }


_HOW_CALLED = {
    "memory": ("memory size", " MB"),
    "timeout": ("duration", " milliseconds"),
    "logs": ("log size", " MB"),
    "concurrency": ("concurrency", ""),
}


def check_action_limits(given: dict[str, int], user: UserLimits, bounds: LimitBounds) -> None:
    """Rejection 400 for the first limit of a request that is out of the namespace's range."""
    for field, allowed in allowed_limits(user, bounds).items():
        value = given.get(field)
        if value is None:
            continue
        what, unit = _HOW_CALLED[field]
        start = f"requirement failed: {what} {value}{unit}"
        if value > allowed.most:
            raise bad_request(f"{start} exceeds allowed threshold of {allowed.most}{unit}")
        if value < allowed.least:
            raise bad_request(f"{start} below allowed threshold of {allowed.least}{unit}")


def check_instances(given: dict[str, int] | None, user: UserLimits, system: SystemLimits) -> None:
    """Rejection 400 for more instances than the namespace may have activations in flight."""
    own = user.concurrent_invocations
    limit = system.concurrent_invocations if own is None else own
    if given and given.get("instances", 0) > limit:
        raise bad_request(messages.instances_exceed_namespace(limit))


def exec_size(code: Exec) -> int:
    """Bytes of an exec: its code and the name of its main function; of a sequence its names."""
    if isinstance(code, SequenceExec):
        return sum(len(name.encode()) for name in code.components)
    parts = [code.code, code.main] if isinstance(code, (CodeExec, BlackBoxExec)) else []
    return sum(len(part.encode("utf-8", "surrogatepass")) for part in parts if part)


def parameters_size(parameters: Parameters) -> int:
    """Bytes of the keys and of the JSON texts of the values."""
    return sum(
        len(key.encode("utf-8", "surrogatepass")) + len(_text(entry.value)) for key, entry in parameters.entries.items()
    )


def _text(value: object) -> bytes:
    try:
        return orjson.dumps(value)
    except TypeError:
        import json

        return json.dumps(value, separators=(",", ":")).encode()


def max_parameter_size(user: UserLimits, system: SystemLimits) -> ByteSize:
    """How many bytes of parameters or annotations the namespace may store."""
    return min(user.max_parameter_size or system.parameters, system.parameters)


def max_payload_size(user: UserLimits, system: SystemLimits) -> ByteSize:
    """How many bytes a request to invoke or to fire may have."""
    own = user.max_payload_size
    return system.payload if own is None else min(own, system.payload)


def check_sizes(
    code: Exec | None,
    parameters: Parameters | None,
    annotations: Parameters | None,
    user: UserLimits,
    system: SystemLimits,
) -> None:
    """Rejection 413, with both figures, for the first part that is too large."""
    if code is not None and (size := exec_size(code)) > system.exec.bytes:
        raise too_large("exec", size, system.exec.bytes)
    most = max_parameter_size(user, system).bytes
    for field, value in (("parameters", parameters), ("annotations", annotations)):
        if value is not None and (size := parameters_size(value)) > most:
            raise too_large(field, size, most)


def effective_limits(user: UserLimits, system: SystemLimits) -> dict[str, object]:
    """What `GET …/limits` answers: the namespace's limits, filled up with the system's."""
    shown = dict(user.to_json())
    ranges = allowed_limits(user, system.bounds)
    in_flight = user.concurrent_invocations
    concurrent = system.concurrent_invocations if in_flight is None else in_flight
    shown["invocationsPerMinute"] = _or(user.invocations_per_minute, system.invocations_per_minute)
    shown["concurrentInvocations"] = concurrent
    shown["firesPerMinute"] = _or(user.fires_per_minute, system.fires_per_minute)
    for field, label in (
        ("memory", "Memory"),
        ("logs", "Logs"),
        ("timeout", "Timeout"),
        ("concurrency", "Concurrency"),
    ):
        shown[f"maxAction{label}"] = ranges[field].most
        shown[f"minAction{label}"] = ranges[field].least
    shown["maxParameterSize"] = max_parameter_size(user, system).to_json()
    shown["maxActionInstances"] = concurrent
    return shown


def _or(value: int | None, otherwise: int) -> int:
    return otherwise if value is None else value
