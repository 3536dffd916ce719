"""An invoker that takes activations over HTTP as well, where the cluster sends them so."""

from __future__ import annotations

import ssl
import time

from owactors.actor.frontdoor import FrontDoor
from owactors.actor.messaging import MESSAGING
from owactors.actor.switchedinvoker import SwitchedInvoker
from owactors.connector.http.provider import HttpFirstMessaging
from owactors.connector.topics import MAX_MESSAGE_BYTES
from owactors.message.topic import Write
from owactors.rest.invokeroute import InvokeRoute
from owactors.store.intakejournal import IntakeJournal
from owactors.store.recentids import RecentIds


class HttpInvoker(SwitchedInvoker):
    """See the module's text. Without HTTP everything goes by the topics."""

    _door: FrontDoor | None = None

    def __init__(self) -> None:
        super().__init__()
        #: acknowledged, and to be forgotten once their records are kept
        self._acknowledged: set[str] = set()

    def make_door(self, topic: str, journal: IntakeJournal | None, most: int) -> IntakeJournal | RecentIds | None:
        """Before the topic is read. What knows which activations were taken, wherever they come from.

        At most `most` wait that came over HTTP: they are lost with this host, others go by the topic.
        """
        messaging = MESSAGING.get(self._cluster.messaging)
        if not isinstance(messaging, HttpFirstMessaging):
            return journal
        known = journal or RecentIds()
        self._door = FrontDoor(topic, messaging, known, min(most, self._cluster.http_queue), self._acknowledged.add)
        return known

    @property
    def has_door(self) -> bool:
        """Whether activations may come over HTTP."""
        return self._door is not None

    def invoke_route(self) -> InvokeRoute | None:
        """Where activations come in, for the HTTP server."""
        door = self._door
        return None if door is None else InvokeRoute(door, door.messaging.seal, MAX_MESSAGE_BYTES)

    def server_tls(self) -> ssl.SSLContext | None:
        """What encrypts everything that the HTTP server says and hears, where calls over HTTP are encrypted."""
        door = self._door
        return None if door is None or door.messaging.tls is None else door.messaging.tls.server

    def invoke_address(self, port: int) -> str:
        """What controllers hear of it, host:port; "" where nothing is taken over HTTP."""
        return f"{self._cluster.http_host}:{port}" if self._door is not None else ""

    def reply(self, activation_id: str, write: Write, *, last: bool) -> None:
        """An acknowledgement goes back the way the activation came."""
        if self._door is None or not self._door.acknowledge(activation_id, write, last=last):
            self._write(write)

    def reply_by_topic(self) -> None:
        """What went over HTTP and was not confirmed in time."""
        if self._door is not None:
            for write in self._door.overdue(time.monotonic()):
                self._write(write)

    def close_door(self) -> None:
        """Nothing more comes over HTTP, and every acknowledgement goes by the topic."""
        if self._door is not None:
            for write in self._door.close():
                self._write(write)
