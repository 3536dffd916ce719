"""What controllers of one cluster tell each other: that they are there. OpenWhisk has Pekko's cluster for it."""

from __future__ import annotations

from attrs import frozen

from owactors.entity.instance import ControllerInstanceId
from owactors.entity.jsonfields import JsonObject, as_bool, as_object, maybe, need


@frozen
class ControllerHeartbeat:
    """This controller is there, or leaves."""

    instance: ControllerInstanceId
    leaving: bool = False

    def to_json(self) -> JsonObject:
        """`{controller, leaving}`; `controller` holds the instance."""
        return {"controller": self.instance.to_json(), "leaving": self.leaving}

    @classmethod
    def from_json(cls, value: object) -> ControllerHeartbeat:
        """Reads the object; a missing `leaving` means that it stays."""
        source = as_object(value)
        instance = need(source, "controller", ControllerInstanceId.from_json)
        return cls(instance, maybe(source, "leaving", as_bool) or False)


@frozen
class Leave:
    """To the membership of this controller: tell the others that it leaves, and say no more."""


@frozen
class ClusterSize:
    """So many controllers share the invokers; `members` are their ids, as far as they are known."""

    size: int
    members: tuple[str, ...] = ()


@frozen
class BusTick:
    """The broker passes messages on: `now` in seconds of a clock that stands still while it does not."""

    now: float
