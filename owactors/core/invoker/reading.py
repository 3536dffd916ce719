"""From the bytes of a topic to an activation message, or to as much of it as an answer needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from owactors.entity.errors import DeserializationError
from owactors.message.activation import ActivationMessage
from owactors.message.payload import from_payload, leading_fields

#: What may be wrong or missing while the caller can still be answered.
_DISPENSABLE: Mapping[str, Any] = {
    "revision": None,
    "content": None,
    "initArgs": [],
    "lockedArgs": {},
    "cause": None,
    "traceContext": None,
}
_OF_THE_USER: Mapping[str, Any] = {"authkey": {}, "rights": [], "limits": {}}


@frozen
class Unreadable:
    """The message cannot be run, for `reason`; `msg` names whom to answer, None if not even that can be read.

    `value` is what could be read of the JSON.
    """

    reason: str
    msg: ActivationMessage | None
    value: Any = None


def read_message(payload: bytes) -> ActivationMessage | Unreadable:
    """The message in these bytes (JSON)."""
    try:
        value = from_payload(payload)
    except ValueError as error:
        value = leading_fields(payload)
        return Unreadable(f"it is not JSON: {error}", salvaged(value), value)
    try:
        return ActivationMessage.from_json(value)
    except DeserializationError as error:
        return Unreadable(str(error), salvaged(value), value)


def salvaged(value: Any) -> ActivationMessage | None:
    """The message without what an answer does not need."""
    if not isinstance(value, dict):
        return None
    user = value.get("user")
    less = {**user, **_OF_THE_USER} if isinstance(user, dict) else None
    for known in (user, less):
        try:
            return ActivationMessage.from_json({**value, **_DISPENSABLE, "user": known})
        except DeserializationError:
            continue
    return None
