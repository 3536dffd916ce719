"""Limits of actions and of namespaces. (OpenWhisk, Limits.scala, UserLimits in Identity.scala.)"""

from __future__ import annotations

import math
from typing import Any

from attrs import evolve, fields, frozen

from owactors.entity.errors import DeserializationError
from owactors.entity.jsonfields import JsonObject, as_bool, as_int, as_object, as_string, maybe, strings
from owactors.entity.size import ByteSize


@frozen
class Bounds:
    """Smallest, standard and largest value of a limit."""

    min: int
    std: int
    max: int


@frozen
class LimitBounds:
    """The system's bounds: time in ms, memory and logs in MB, concurrency per container."""

    timeout: Bounds = Bounds(100, 60_000, 300_000)
    memory: Bounds = Bounds(128, 256, 512)
    logs: Bounds = Bounds(0, 10, 10)
    concurrency: Bounds = Bounds(1, 1, 1)


#: JSON field -> (how a fraction is called, how a non-number is called)
_WORDS = {
    "timeout": ("time limit", "time limit"),
    "memory": ("memory limit", "memory limit"),
    "logs": ("log limit", "log limit"),
    "concurrency": ("intra concurrency limit", "concurrency limit"),
    "instances": ("instance concurrency limit", "instance concurrency limit"),
}


def _whole(source: Any, name: str) -> int | None:
    value = source.get(name)
    if value is None and name not in source:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise DeserializationError(f"{_WORDS[name][1]} malformed", name)
    if not math.isfinite(value) or value != int(value):
        raise DeserializationError(f"requirement failed: {_WORDS[name][0]} must be whole number", name)
    return int(value)


@frozen
class ActionLimits:
    """Time (ms), memory (MB), logs (MB), activations per container, and perhaps containers at most."""

    timeout: int = 60_000
    memory: int = 256
    logs: int = 10
    concurrency: int = 1
    instances: int | None = None

    @classmethod
    def standard(cls, bounds: LimitBounds) -> ActionLimits:
        """The standard values of `bounds`."""
        return cls(bounds.timeout.std, bounds.memory.std, bounds.logs.std, bounds.concurrency.std)

    @classmethod
    def from_json(cls, value: object) -> ActionLimits:
        """Reads a stored object: timeout, memory and logs must be there."""
        given = partial_limits(value)
        for name in ("timeout", "memory", "logs"):
            if name not in given:
                raise DeserializationError("is missing", name)
        return cls(**given)

    def merged(self, given: dict[str, int]) -> ActionLimits:
        """These limits with those of `given` (see partial_limits) in their place."""
        return evolve(self, **given)

    def to_json(self) -> JsonObject:
        """The object form; `instances` only where set."""
        form: JsonObject = {
            "timeout": self.timeout,
            "memory": self.memory,
            "logs": self.logs,
            "concurrency": self.concurrency,
        }
        if self.instances is not None:
            form["instances"] = self.instances
        return form

    @property
    def memory_size(self) -> ByteSize:
        """Memory as a size."""
        return ByteSize.mb(self.memory)


def partial_limits(value: object) -> dict[str, int]:
    """The limits present in a request's `limits` object, by field name."""
    source = as_object(value)
    return {name: number for name in _WORDS if (number := _whole(source, name)) is not None}


_SIZES = ("maxParameterSize", "maxPayloadSize", "truncationSize")


@frozen
class UserLimits:
    """What a namespace's limits document says; None where it says nothing. Memory and logs in MB, time in ms."""

    invocations_per_minute: int | None = None
    concurrent_invocations: int | None = None
    fires_per_minute: int | None = None
    allowed_kinds: tuple[str, ...] | None = None
    store_activations: bool | None = None
    min_action_memory: int | None = None
    max_action_memory: int | None = None
    min_action_logs: int | None = None
    max_action_logs: int | None = None
    min_action_timeout: int | None = None
    max_action_timeout: int | None = None
    min_action_concurrency: int | None = None
    max_action_concurrency: int | None = None
    max_parameter_size: ByteSize | None = None
    max_payload_size: ByteSize | None = None
    truncation_size: ByteSize | None = None
    warmed_container_keeping_count: int | None = None
    warmed_container_keeping_timeout: str | None = None
    max_action_instances: int | None = None

    @classmethod
    def from_json(cls, value: object) -> UserLimits:
        """Reads an object (a limits document or the field of an identity); unknown fields are ignored."""
        source = as_object(value)
        return cls(**{a.name: maybe(source, _json_name(a.name), _reader(a.name)) for a in fields(cls)})

    def to_json(self) -> JsonObject:
        """The fields that are set, under OpenWhisk's names."""
        form: JsonObject = {}
        for attribute in fields(UserLimits):
            value = getattr(self, attribute.name)
            if value is not None:
                form[_json_name(attribute.name)] = _plain(value)
        return form


def _json_name(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def _reader(name: str) -> Any:
    special = {
        "allowed_kinds": strings,
        "store_activations": as_bool,
        "warmed_container_keeping_timeout": as_string,
    }
    return ByteSize.from_json if _json_name(name) in _SIZES else special.get(name, as_int)


def _plain(value: Any) -> Any:
    if isinstance(value, ByteSize):
        return value.as_read
    return list(value) if isinstance(value, tuple) else value
