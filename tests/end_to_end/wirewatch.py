"""Reads along on the topics of a live cluster, and tells how what a call left there is made."""

from __future__ import annotations

import json
from typing import Any

from attrs import define, field

from owactors.connector.port import Consumer
from tests.message.recordings import recorded

Json = dict[str, Any]
#: what is below these is a user's business
USERS_OWN = frozenset({"content", "result", "authkey", "limits", "lockedArgs"})
#: values that say how a call went; of all others only the types count
TELLING = frozenset(
    {"blocking", "isSystemError", "statusCode", "conductor", "eventType", "causedBy", "topmost", "publish"}
)
#: names that an invoker may have
NAMES = frozenset({"uniqueName", "displayedName"})


def chain(transid: list[Any]) -> list[str]:
    """The ids of a transaction, the outermost last."""
    return [transid[0], *(chain(transid[-1]) if isinstance(transid[-1], list) else [])]


def root_of(message: Json) -> str:
    """The outermost id of its transaction, "" if it has none that can be read."""
    try:
        return chain(message["transid"])[-1]
    except (KeyError, IndexError, TypeError):
        return ""


def id_of(ack: Json) -> str:
    """Which activation an acknowledgement is about."""
    response = ack.get("response")
    found: Any = ack.get("activationId", response)
    return str(found if isinstance(found, str) else found["activationId"])


def form(value: Any, name: str = "") -> Any:
    """Fields in their order, types, and the values that tell how it went."""
    if name in USERS_OWN:
        return type(value).__name__
    if name == "transid":
        return len(chain(value))
    if name == "annotations":
        return {note["key"]: form(note["value"], note["key"]) for note in value}
    if isinstance(value, dict):
        return [(key, form(part, key)) for key, part in value.items() if key not in NAMES]
    return value if name in TELLING else type(value).__name__


def kind_of(ack: Json) -> str:
    """Result, Completion, Combined."""
    return "Result" if "instance" not in ack else "Combined" if "response" in ack else "Completion"


@define
class Left:
    """What one call left: messages for invokers, acknowledgements and events of its activations, in their order."""

    messages: list[Json] = field(factory=list)
    acks: list[Json] = field(factory=list)
    events: list[Json] = field(factory=list)

    @classmethod
    def of(cls, root: str, messages: list[Json], acks: list[Json], events: list[Json]) -> Left:
        """Of the call with this transaction."""
        own = [each for each in messages if root_of(each) == root]
        ids = {each["activationId"] for each in own}
        return cls(
            own,
            [each for each in acks if root_of(each) == root],
            [each for each in events if each["body"].get("activationId") in ids],
        )

    @property
    def over(self) -> bool:
        """Every activation has had its last acknowledgement, and its event."""
        ids = {each["activationId"] for each in self.messages}
        last = {id_of(each) for each in self.acks if "instance" in each}
        return ids <= last and ids <= {each["body"]["activationId"] for each in self.events}

    @property
    def forms(self) -> dict[int, Any]:
        """By its depth in the chain, what was said of each activation; acknowledgements in their order."""
        found: dict[int, Any] = {}
        for message in self.messages:
            acks = [each for each in self.acks if id_of(each) == message["activationId"]]
            told = [each for each in self.events if each["body"]["activationId"] == message["activationId"]]
            said = [form(message), [(kind_of(each), form(each)) for each in acks], [form(each) for each in told]]
            found.setdefault(len(chain(message["transid"])), []).append(said)
        return {key: sorted(said, key=str) for key, said in found.items()}


def recorded_left(call: str) -> Left:
    """Of this recorded call."""
    topics = {name: [each.value for each in recorded(name) if each.call == call] for name in ("invoker", "completed")}
    events = [each.value for each in recorded("events") if each.call == call]
    root = chain(topics["invoker"][0]["transid"])[-1]
    return Left.of(root, topics["invoker"], topics["completed"], events)


@define
class Watch:
    """Three topics, and all that came on them."""

    invoker: Consumer
    completed: Consumer
    events: Consumer
    _came: list[list[Json]] = field(factory=lambda: [[], [], []])

    async def left_by(self, root: str, count: int) -> Left:
        """Returns once so many activations of this transaction are over."""
        while True:
            left = Left.of(root, *self._came)
            if len(left.messages) == count and left.over:
                return left
            for came, consumer in zip(self._came, (self.invoker, self.completed, self.events), strict=True):
                came += [value for record in await consumer.peek(timeout=0.1) for value in _read(record.payload)]


def _read(payload: bytes) -> list[Json]:
    """The message, unless somebody wrote none that can be read."""
    try:
        value = json.loads(payload)
    except (ValueError, RecursionError):
        return []
    return [value] if isinstance(value, dict) else []
