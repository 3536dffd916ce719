"""Typed reading of JSON objects. A missing or wrong field raises DeserializationError with its name.

Optional fields may be missing or null; unknown fields are ignored, as OpenWhisk's readers do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from owactors.entity.errors import DeserializationError

T = TypeVar("T")
JsonObject = dict[str, Any]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def kind_of(value: object) -> str:
    """The JSON name of a value's type, for messages."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number"
    names: dict[type, str] = {str: "string", list: "array", dict: "object"}
    return names.get(type(value), type(value).__name__)


def as_object(value: object) -> Mapping[str, Any]:
    """`value` if it is a JSON object."""
    if not isinstance(value, Mapping):
        raise DeserializationError(f"expected an object, got {kind_of(value)}")
    return value


def as_string(value: object) -> str:
    """`value` if it is a string."""
    if not isinstance(value, str):
        raise DeserializationError(f"expected a string, got {kind_of(value)}")
    return value


def as_bool(value: object) -> bool:
    """`value` if it is a boolean."""
    if not isinstance(value, bool):
        raise DeserializationError(f"expected a boolean, got {kind_of(value)}")
    return value


def as_int(value: object) -> int:
    """`value` as an integer; a decimal is truncated, as spray-json's reader does."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise DeserializationError(f"expected a number, got {kind_of(value)}")
    try:
        return int(value)
    except (OverflowError, ValueError):
        raise DeserializationError("expected a finite number") from None


def as_instant(value: object) -> int:
    """`value` as epoch milliseconds; a text in ISO 8601, with its zone, is read too."""
    if not isinstance(value, str):
        return as_int(value)
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        raise DeserializationError(f"expected an instant, got {value!r}") from None
    if found.tzinfo is None:
        raise DeserializationError(f"expected an instant with its zone, got {value!r}")
    return (found - _EPOCH) // timedelta(milliseconds=1)


def as_list(value: object) -> list[Any]:
    """`value` if it is an array."""
    if not isinstance(value, list):
        raise DeserializationError(f"expected an array, got {kind_of(value)}")
    return value


def strings(value: object) -> tuple[str, ...]:
    """`value` as a tuple of strings."""
    return tuple(as_string(item) for item in as_list(value))


def need(source: Mapping[str, Any], name: str, reader: Callable[[Any], T]) -> T:
    """Field `name`, read by `reader`; it must be there."""
    if name not in source:
        raise DeserializationError("is missing", name)
    return _read(source[name], name, reader)


def maybe(source: Mapping[str, Any], name: str, reader: Callable[[Any], T]) -> T | None:
    """Field `name`, or None when it is missing or null."""
    value = source.get(name)
    return None if value is None else _read(value, name, reader)


def _read(value: Any, name: str, reader: Callable[[Any], T]) -> T:
    try:
        return reader(value)
    except DeserializationError as error:
        raise error.inside(name) from None


def without_none(**fields: Any) -> JsonObject:
    """A JSON object of the fields that are not None: an absent option is never written as null."""
    return {name: value for name, value in fields.items() if value is not None}
