"""Which controller or invoker: instance ids and their JSON forms. (OpenWhisk, InstanceId.scala.)"""

from __future__ import annotations

import re

from attrs import frozen

from owactors.entity.errors import DeserializationError
from owactors.entity.jsonfields import JsonObject, as_int, as_object, as_string, maybe, need, strings
from owactors.entity.size import ByteSize

_CONTROLLER = re.compile(r"[a-zA-Z0-9._-]{1,128}")


@frozen
class InvokerInstanceId:
    """An invoker by its number, with what it offers."""

    instance: int
    user_memory: ByteSize
    unique_name: str | None = None
    displayed_name: str | None = None
    busy_memory: ByteSize | None = None
    tags: tuple[str, ...] = ()
    dedicated_namespaces: tuple[str, ...] = ()

    def to_json(self) -> JsonObject:
        """All fields; names and busy memory only where set."""
        form: JsonObject = {
            "instance": self.instance,
            "userMemory": self.user_memory.to_json(),
            "instanceType": "invoker",
            "tags": list(self.tags),
            "dedicatedNamespaces": list(self.dedicated_namespaces),
        }
        if self.busy_memory is not None:
            form["busyMemory"] = self.busy_memory.to_json()
        if self.unique_name is not None:
            form["uniqueName"] = self.unique_name
        if self.displayed_name is not None:
            form["displayedName"] = self.displayed_name
        return form

    @classmethod
    def from_json(cls, value: object) -> InvokerInstanceId:
        """Reads the object; DeserializationError names the field."""
        source = as_object(value)
        if need(source, "instanceType", as_string) != "invoker":
            raise DeserializationError("must be 'invoker'", "instanceType")
        return cls(
            instance=need(source, "instance", as_int),
            user_memory=need(source, "userMemory", ByteSize.from_json),
            unique_name=maybe(source, "uniqueName", as_string),
            displayed_name=maybe(source, "displayedName", as_string),
            busy_memory=maybe(source, "busyMemory", ByteSize.from_json),
            tags=need(source, "tags", strings),
            dedicated_namespaces=need(source, "dedicatedNamespaces", strings),
        )

    def __str__(self) -> str:
        names = [name for name in (self.unique_name, self.displayed_name) if name is not None]
        return "/".join([f"invoker{self.instance}", *names])


@frozen
class ControllerInstanceId:
    """A controller by its id: letters, digits, dot, underscore, dash; at most 128. ValueError otherwise."""

    as_string: str

    def __attrs_post_init__(self) -> None:
        if not _CONTROLLER.fullmatch(self.as_string):
            raise ValueError(f"{self.as_string!r} is not a controller id: use [a-zA-Z0-9._-], at most 128 characters")

    def to_json(self) -> JsonObject:
        """`{asString, instanceType}`."""
        return {"asString": self.as_string, "instanceType": "controller"}

    @classmethod
    def from_json(cls, value: object) -> ControllerInstanceId:
        """Reads the object; a missing instanceType is accepted."""
        source = as_object(value)
        if maybe(source, "instanceType", as_string) not in (None, "controller"):
            raise DeserializationError("must be 'controller'", "instanceType")
        try:
            return cls(need(source, "asString", as_string))
        except DeserializationError:
            raise
        except ValueError as error:
            raise DeserializationError(str(error), "asString") from None

    def __str__(self) -> str:
        return f"controller{self.as_string}"
