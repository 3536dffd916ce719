"""How a controller learns what running activations print, for clients that follow them.

To invokers that it can speak to it sends FollowLogs. Those of a cluster read what it wishes in the cluster's document
(ControllerFollows), and tell it by a topic of its own (PrintedLines as JSON).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from owactors.entity.jsonfields import JsonObject, as_int, as_list, as_object, as_string, maybe, need


@frozen
class RemoteFollower:
    """A follower of a controller elsewhere; `life` is one life of the controller, in which `number` is unique."""

    controller: str
    life: str
    number: int


Follower = int | RemoteFollower


@frozen
class FollowLogs:
    """To an invoker: tell what activations of this namespace print from now on, and have printed if they run already.

    Of one action (`action` or `package/action`) only if it is named. PrintedLines with the number of the `follower`
    come to the sender until UnfollowLogs; `to` is filled in by the invoker, and `heard_in`, the id of the process in
    which it hears of lines itself.
    """

    follower: Follower
    namespace: str
    action: str | None = None
    to: Any = None
    heard_in: int = 0


@frozen
class UnfollowLogs:
    """To an invoker: this follower has left."""

    follower: Follower


@frozen
class PrintedLine:
    """A log line as in a record, before there is one. `name` is the action's, with its package."""

    activation_id: str
    name: str
    text: str


@frozen
class PrintedLines:
    """The lines for one follower; of each activation in their order."""

    follower: Follower
    lines: tuple[PrintedLine, ...]

    def to_json(self) -> JsonObject:
        """For a follower elsewhere: `{life, follower, lines: [[activationId, name, text]]}`."""
        assert isinstance(self.follower, RemoteFollower)
        lines = [[line.activation_id, line.name, line.text] for line in self.lines]
        return {"life": self.follower.life, "follower": self.follower.number, "lines": lines}

    @classmethod
    def from_json(cls, value: object, controller: str) -> PrintedLines:
        """Reads the object, which came to this controller."""
        source = as_object(value)
        follower = RemoteFollower(controller, need(source, "life", as_string), need(source, "follower", as_int))
        return cls(follower, tuple(_line(each) for each in need(source, "lines", as_list)))


def _line(value: object) -> PrintedLine:
    activation_id, name, text = (as_string(each) for each in [*as_list(value), None, None, None][:3])
    return PrintedLine(activation_id, name, text)


@frozen
class LogWish:
    """One client of a controller wants lines of this namespace, of one action only if it is named."""

    number: int
    namespace: str
    action: str | None = None

    def to_json(self) -> JsonObject:
        """`{number, namespace, action?}`."""
        form: JsonObject = {"number": self.number, "namespace": self.namespace}
        return form if self.action is None else {**form, "action": self.action}

    @classmethod
    def from_json(cls, value: object) -> LogWish:
        """Reads the object."""
        source = as_object(value)
        namespace = need(source, "namespace", as_string)
        return cls(need(source, "number", as_int), namespace, maybe(source, "action", as_string))


@frozen
class ControllerFollows:
    """All that a controller wishes. `beat` counts up as long as it lives and wishes anything."""

    life: str
    beat: int
    wishes: tuple[LogWish, ...]

    def to_json(self) -> JsonObject:
        """`{life, beat, wishes}`."""
        return {"life": self.life, "beat": self.beat, "wishes": [wish.to_json() for wish in self.wishes]}

    @classmethod
    def from_json(cls, value: object) -> ControllerFollows:
        """Reads the object."""
        source = as_object(value)
        wishes = tuple(LogWish.from_json(each) for each in need(source, "wishes", as_list))
        return cls(need(source, "life", as_string), need(source, "beat", as_int), wishes)


def follows_from_json(value: object) -> Mapping[str, ControllerFollows]:
    """Controller id -> what it wishes."""
    return {str(name): ControllerFollows.from_json(each) for name, each in as_object(value).items()}
