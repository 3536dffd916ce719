"""An activation record as the commands show it."""

from __future__ import annotations

from typing import Any

from owactors.cli.output import milliseconds

Record = dict[str, Any]

STATUS = ("success", "application error", "action developer error", "whisk internal error")


def annotation(record: Record, key: str) -> Any:
    """The value of an annotation, None if it is absent."""
    return next((pair.get("value") for pair in record.get("annotations", []) if pair.get("key") == key), None)


def succeeded(record: Record) -> bool:
    """Whether the action ended well."""
    return record.get("response", {}).get("success") is True


def result(record: Record) -> Any:
    """What the action returned."""
    return record.get("response", {}).get("result")


def status(record: Record) -> str:
    """`success`, or whose error it is; from a whole record or from a list's entry."""
    said = record.get("response", {}).get("status")
    code = record.get("statusCode")
    if isinstance(said, str):
        return said
    return STATUS[code] if isinstance(code, int) and 0 <= code < len(STATUS) else "unknown"


def time_split(record: Record) -> str:
    """Where the time went: `wait 3 ms, init 20 ms, run 12 ms`; more parts where the container was new."""
    phases = annotation(record, "phases")
    if isinstance(phases, dict):
        return ", ".join(f"{name} {milliseconds(value)}" for name, value in phases.items())
    init = annotation(record, "initTime")
    duration = record.get("duration")
    parts = [("wait", annotation(record, "waitTime")), ("init", init)]
    if isinstance(duration, int):
        parts.append(("run", duration - (init or 0)))
    return ", ".join(f"{name} {milliseconds(value)}" for name, value in parts if value is not None)


def start_kind(record: Record) -> str:
    """`cold` if the container was initialised for this call, else `warm`."""
    return "cold" if annotation(record, "initTime") is not None else "warm"
