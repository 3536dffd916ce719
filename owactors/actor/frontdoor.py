"""The door of an invoker for activations that come over HTTP: takes them in, and sends their acknowledgements back.

An activation is written down before it is taken. Its acknowledgements are owed until whoever sent it confirms that they
came; what is not confirmed goes by the topic, twice at worst.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from attrs import define, field

from owactors.connector.http.provider import HttpFirstMessaging
from owactors.connector.port import ConnectorError
from owactors.message.payload import from_payload, to_payload
from owactors.message.topic import Write
from owactors.rest.invokeroute import Exchange, Refused
from owactors.store.intakejournal import IntakeJournal
from owactors.store.recentids import RecentIds

#: seconds until acknowledgements that were not confirmed go by the topic
CONFIRMED_WITHIN = 3.0


@define(eq=False)
class Taken:
    """One activation that came over HTTP: where its acknowledgements go, and those that went."""

    exchange: Exchange
    writes: list[Write] = field(factory=list)
    #: nothing more comes of it; when what is owed goes by the topic (monotonic seconds)
    over: bool = False
    due: float = 0.0


@define(eq=False)
class FrontDoor:
    """Fills `rest.invokeroute.Door`. At most `most` messages wait here; `journal` knows what was taken.

    `confirmed` is called with the ids whose acknowledgements arrived.
    """

    topic: str
    messaging: HttpFirstMessaging
    journal: IntakeJournal | RecentIds
    most: int
    confirmed: Callable[[str], None]
    _taken: dict[str, Taken] = field(factory=dict)
    _owed: dict[str, Taken] = field(factory=dict)
    _closed: bool = False

    def __attrs_post_init__(self) -> None:
        self.messaging.expect(self.topic)

    # -- in

    def take(self, payload: bytes, *, each: bool) -> Exchange:
        """As the port says."""
        if self._closed:
            raise Refused(503, "the invoker is stopping")
        if self.messaging.waiting(self.topic) >= self.most:
            raise Refused(429, "enough activations wait here already")
        message = _message(payload)
        key = message["activationId"]
        if self.journal.knows(key):
            raise Refused(409, f"activation {key} is here already")
        if self.journal.awaits(key):
            # whoever sent it gave up waiting, and this invoker was so late that it has read the copy before the request
            raise Refused(503, f"activation {key} comes by the topic already")
        exchange = Exchange(key, each)
        try:
            self.messaging.check_room(self.topic, len(payload))
            self.journal.taken([message], claimed=True)
        except (OSError, ConnectorError) as problem:
            raise Refused(503, str(problem)) from problem
        self._taken[key] = Taken(exchange)
        exchange.position = self.messaging.take(self.topic, payload)
        return exchange

    def close(self) -> list[Write]:
        """Nothing is taken any more. What goes by the topic; later acknowledgements do so as well."""
        self._closed = True
        for taken in list(self._taken.values()):
            self.left(taken.exchange)
        return self.overdue(float("inf"))

    # -- out

    def acknowledge(self, activation_id: str, write: Write, *, last: bool) -> bool:
        """Sends it back where the activation came from. False: it did not come over HTTP, or its sender is gone."""
        taken = self._taken.get(activation_id)
        if taken is None:
            return False
        taken.writes.append(write)
        if taken.exchange.each:
            taken.exchange.put(to_payload(write.value) + b"\n")
        if last:
            self._finish(activation_id, taken)
        return True

    def _finish(self, activation_id: str, taken: Taken) -> None:
        del self._taken[activation_id]
        taken.over, taken.due = True, time.monotonic() + CONFIRMED_WITHIN
        self._owed[activation_id] = taken
        if not taken.exchange.each:
            taken.exchange.put(to_payload(combined([write.value for write in taken.writes])))
        taken.exchange.end()

    def left(self, exchange: Exchange) -> None:
        """As the port says. Whoever left before the end may have what went so far; it goes by the topic as well."""
        taken = self._taken.get(exchange.activation_id)
        if taken is None or taken.exchange is not exchange:
            return
        del self._taken[exchange.activation_id]
        exchange.end()
        if taken.writes:
            self._owed[exchange.activation_id] = taken

    def received(self, activation_ids: Iterable[str]) -> None:
        """As the port says."""
        for key in activation_ids:
            taken = self._owed.get(key)
            if taken is not None and taken.over:
                del self._owed[key]
                self.confirmed(key)

    def overdue(self, now: float) -> list[Write]:
        """What nobody has confirmed in time; it is given out once. `now` in monotonic seconds."""
        late = [key for key, taken in self._owed.items() if taken.due <= now]
        return [write for key in late for write in self._owed.pop(key).writes]


def combined(acknowledgements: list[dict[str, Any]]) -> dict[str, Any]:
    """One that says everything, as DigitalOcean's controllers read it: they call the instance `invoker`."""
    whole: dict[str, Any] = {}
    for each in acknowledgements:
        whole |= each
    activation_id = whole.pop("activationId", None)
    return {"response": activation_id, **whole, "invoker": whole.get("instance")}


def _message(payload: bytes) -> dict[str, Any]:
    """Refused: it does not even say which activation it is."""
    try:
        value = from_payload(payload)
    except ValueError as error:
        raise Refused(400, f"the activation message is not JSON: {error}") from None
    key = value.get("activationId") if isinstance(value, dict) else None
    if not isinstance(key, str) or not (key.isascii() and key.isalnum()):
        raise Refused(400, "the activation message has no activationId")
    message: dict[str, Any] = value
    return message
