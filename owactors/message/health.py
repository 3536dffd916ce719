"""An invoker's sign of life. (OpenWhisk, Message.scala.)"""

from __future__ import annotations

from attrs import frozen

from owactors.entity.instance import InvokerInstanceId
from owactors.entity.jsonfields import JsonObject, as_bool, as_object, maybe, need


@frozen
class PingMessage:
    """Which invoker, and whether it takes work."""

    instance: InvokerInstanceId
    is_enabled: bool = True

    def to_json(self) -> JsonObject:
        """`{name, isEnabled}`; `name` holds the instance."""
        return {"name": self.instance.to_json(), "isEnabled": self.is_enabled}

    @classmethod
    def from_json(cls, value: object) -> PingMessage:
        """Reads the object; a missing isEnabled means enabled."""
        source = as_object(value)
        enabled = maybe(source, "isEnabled", as_bool)
        return cls(need(source, "name", InvokerInstanceId.from_json), True if enabled is None else enabled)
