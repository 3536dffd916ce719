"""From the bytes of a topic to an activation message, or to as much of it as an answer needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from attrs import frozen

from owactors.entity.errors import DeserializationError
from owactors.message.activation import ActivationMessage

#: What may be wrong or missing while the caller can still be answered.
_DISPENSABLE: Mapping[str, Any] = {
    "revision": None,
    "content": None,
    "initArgs": [],
    "lockedArgs": {},
    "cause": None,
    "traceContext": None,
}


@frozen
class Unreadable:
    """The message cannot be run, for `reason`; `msg` names whom to answer, None if not even that can be read."""

    reason: str
    msg: ActivationMessage | None


def read_message(payload: bytes) -> ActivationMessage | Unreadable:
    """The message in these bytes (JSON)."""
    try:
        value = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        return Unreadable(f"it is not JSON: {error}", None)
    try:
        return ActivationMessage.from_json(value)
    except DeserializationError as error:
        return Unreadable(str(error), _salvaged(value))


def _salvaged(value: Any) -> ActivationMessage | None:
    if not isinstance(value, dict):
        return None
    try:
        return ActivationMessage.from_json({**value, **_DISPENSABLE})
    except DeserializationError:
        return None
