"""The part of a controller that has the invokers of its cluster tell what activations print, for its clients.

What is wished stands in the document that all invokers look at anyway; lines come by a topic of this controller's own,
which is read only while somebody follows. Nobody following costs nothing.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

from attrs import frozen
from thespian.actors import ActorAddress

from owactors.actor.io import IoActor, Spawned, on
from owactors.actor.messaging import MESSAGING
from owactors.actor.topicreader import FromNow
from owactors.connector.port import Consumer, Record
from owactors.connector.topics import Topics
from owactors.core.livelogs.wishes import RENEWAL
from owactors.entity.instance import ControllerInstanceId
from owactors.message.livelogs import (
    ControllerFollows,
    FollowLogs,
    LogWish,
    PrintedLines,
    RemoteFollower,
    UnfollowLogs,
)
from owactors.message.payload import from_payload
from owactors.store.clusterhosts import Documents, follow_lines

PEEK, PEEK_SECONDS = 128, 1.0
#: seconds: reading goes on for a client that comes back; and the pause after trouble
LINGER, REST = 10.0, 1.0


@frozen(eq=False)
class InvokerLinesSetup:
    """The first message. `controller` gets PrintedLines; `documents` is the store that the cluster agrees in."""

    controller: Any
    documents: Documents
    messaging: Any
    topics: Topics
    instance: ControllerInstanceId


@frozen(eq=False)
class _Ready:
    """To self: the topic is read from its end on."""

    consumer: Consumer


@frozen(eq=False)
class _Came:
    """To self."""

    records: Sequence[Record]


@frozen
class _Written:
    """To self: the document has these wishes, or why it has not."""

    cause: BaseException | None = None


@frozen
class _Trouble:
    """To self: the topic cannot be read just now."""

    cause: BaseException


@frozen
class _Closed:
    """To self: of a consumer nothing more is wanted."""


@frozen
class _Renew:
    """To self: say it again."""


@frozen
class _NobodyCame:
    """To self: it may be time to read no more."""


class InvokerLines(IoActor):
    """First message: InvokerLinesSetup; then FollowLogs and UnfollowLogs as to an invoker."""

    def __init__(self) -> None:
        super().__init__()
        self._wishes: dict[int, LogWish] = {}
        self._life, self._beat = secrets.token_hex(8), 0
        self._consumer: Consumer | None = None
        self._reading: Spawned | None = None
        self._writing = self._changed = False

    @on(InvokerLinesSetup)
    def _set_up(self, message: InvokerLinesSetup, sender: ActorAddress) -> None:
        self._setup = message

    # -- who follows

    @on(FollowLogs)
    def _follow(self, message: FollowLogs, sender: ActorAddress) -> None:
        assert isinstance(message.follower, int)
        self._wishes[message.follower] = LogWish(message.follower, message.namespace, message.action)
        self.cancel_timer("linger")
        self._read()
        self._say()

    @on(UnfollowLogs)
    def _unfollow(self, message: UnfollowLogs, sender: ActorAddress) -> None:
        if isinstance(message.follower, int) and self._wishes.pop(message.follower, None) is not None:
            self._say()
        if not self._wishes:
            self.start_timer("linger", LINGER, _NobodyCame())

    # -- the document

    @on(_Renew)
    def _renew(self, message: _Renew, sender: ActorAddress) -> None:
        self._say()

    def _say(self) -> None:
        """Once the topic is read, so that nothing is told in vain; one writing at a time."""
        if self._consumer is None:
            return
        if self._writing:
            self._changed = True
            return
        self._writing, self._changed = True, False
        self._beat += 1
        follows = ControllerFollows(self._life, self._beat, tuple(self._wishes.values())) if self._wishes else None
        self.spawn(
            follow_lines(self._setup.documents, self._setup.instance.as_string, follows),
            done=lambda _: _Written(),
            failed=_Written,
        )

    @on(_Written)
    def _written(self, message: _Written, sender: ActorAddress) -> None:
        self._writing = False
        if message.cause is not None:
            self.log.warning("invokers are not told that lines are followed: %s", message.cause)
            self.start_timer("renew", REST, _Renew())
        elif self._changed:
            self._say()
        elif self._wishes:
            self.start_timer("renew", RENEWAL, _Renew())
        else:
            self.cancel_timer("renew")

    # -- the topic

    def _read(self) -> None:
        if self._reading is None:
            self._reading = self.spawn(self._opened(), done=_Ready, failed=_Trouble, name="read lines")

    async def _opened(self) -> Consumer:
        """A consumer that has passed over what was for clients of former times."""
        setup = self._setup
        messaging, topic = MESSAGING.get(setup.messaging), setup.topics.log_lines(setup.instance)
        assert topic.group is not None
        await messaging.ensure_topic(topic.name, topic.config)
        consumer = messaging.consumer(topic.name, topic.group, PEEK, str(setup.instance))
        try:
            await FromNow(consumer).arrive()
        except BaseException:
            await consumer.close()
            raise
        return consumer

    @on(_Ready)
    def _ready_to_read(self, message: _Ready, sender: ActorAddress) -> None:
        self._consumer = message.consumer
        self._say()
        self._next()

    def _next(self) -> None:
        consumer = self._consumer
        assert consumer is not None
        self._reading = self.spawn(_peek(consumer), done=_Came, failed=_Trouble, name="read lines")

    @on(_Came)
    def _came(self, message: _Came, sender: ActorAddress) -> None:
        for record in message.records:
            self._hand_on(record)
        self._next()

    def _hand_on(self, record: Record) -> None:
        """Lines for a client that has left, or of a former life of this controller, are nobody's."""
        try:
            lines = PrintedLines.from_json(from_payload(record.payload), self._setup.instance.as_string)
        except ValueError as error:
            self.log.error("lines cannot be read: %s: %.300r", error, record.payload)
            return
        follower = lines.follower
        assert isinstance(follower, RemoteFollower)
        if follower.life == self._life and follower.number in self._wishes:
            self.tell(self._setup.controller, PrintedLines(follower.number, lines.lines))

    @on(_Trouble)
    def _trouble(self, message: _Trouble, sender: ActorAddress) -> None:
        self.log.warning("lines of running activations cannot be read: %s", message.cause)
        self._stop_reading()
        if self._wishes:
            self.start_timer("read", REST, _NobodyCame())

    @on(_NobodyCame)
    def _nobody_came(self, message: _NobodyCame, sender: ActorAddress) -> None:
        if self._wishes:
            self._read()
        else:
            self._stop_reading()

    def _stop_reading(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None
        if self._consumer is not None:
            self.spawn(self._consumer.close(), failed=lambda _: _Closed(), name="close")
            self._consumer = None

    @on(_Closed)
    def _was_closed(self, message: _Closed, sender: ActorAddress) -> None:
        """In whatever state it was."""


async def _peek(consumer: Consumer) -> Sequence[Record]:
    records = await consumer.peek(None, PEEK_SECONDS)
    if records:
        await consumer.commit()
    return records
