"""Puts the lines of running activations onto the topics of the controllers that follow them."""

from __future__ import annotations

from typing import Any

from attrs import define, field, frozen
from thespian.actors import ActorAddress

from owactors.actor.io import IoActor, on
from owactors.actor.messaging import MESSAGING
from owactors.connector.port import Producer
from owactors.connector.topics import MAX_MESSAGE_BYTES, Topics
from owactors.core.livelogs.linequeue import LineQueue
from owactors.entity.instance import ControllerInstanceId
from owactors.message.livelogs import FollowLogs, PrintedLine, PrintedLines, RemoteFollower, UnfollowLogs
from owactors.message.payload import to_payload

#: lines of one message, and about so many characters
MOST_AT_ONCE, CHARACTERS = 1000, 100_000
#: seconds until the next try after a message did not get onto its topic
REST = 1.0

Whose = tuple[str, str]


@frozen(eq=False)
class LineSenderSetup:
    """The first message. `messaging` are the settings of the broker."""

    messaging: Any
    topics: Topics


@frozen
class _Sent:
    """To self: it is on the topic, or not, for this reason."""

    message: PrintedLines
    cause: BaseException | None = field(default=None, repr=False)


@frozen
class _Rested:
    """To self."""

    follower: RemoteFollower


@define(eq=False)
class _Waiting:
    lines: LineQueue[Whose] = field(factory=LineQueue)
    busy: bool = False


class LineSender(IoActor):
    """PrintedLines come for RemoteFollowers that it was told of by FollowLogs.

    One message for each of them is under way, further lines wait within bounds.
    """

    def __init__(self) -> None:
        super().__init__()
        self._waiting: dict[RemoteFollower, _Waiting] = {}
        self._producer: Producer | None = None

    @on(LineSenderSetup)
    def _set_up(self, message: LineSenderSetup, sender: ActorAddress) -> None:
        self._topics = message.topics
        self._producer = MESSAGING.get(message.messaging).producer(MAX_MESSAGE_BYTES)

    @on(FollowLogs)
    def _follow(self, message: FollowLogs, sender: ActorAddress) -> None:
        if isinstance(message.follower, RemoteFollower):
            self._waiting.setdefault(message.follower, _Waiting())

    @on(PrintedLines)
    def _printed(self, message: PrintedLines, sender: ActorAddress) -> None:
        """Of somebody who may have left."""
        if not isinstance(message.follower, RemoteFollower) or message.follower not in self._waiting:
            return
        waiting = self._waiting[message.follower]
        for line in message.lines:
            waiting.lines.add((line.activation_id, line.name), line.text)
        self._send(message.follower)

    def _send(self, follower: RemoteFollower) -> None:
        waiting = self._waiting[follower]
        if waiting.busy or not waiting.lines or self._producer is None:
            return
        waiting.busy = True
        lines = (PrintedLine(*whose, text) for whose, text in waiting.lines.take(MOST_AT_ONCE, CHARACTERS))
        message = PrintedLines(follower, tuple(lines))
        topic = self._topics.log_lines(ControllerInstanceId(follower.controller)).name
        self.spawn(
            self._producer.send(topic, to_payload(message.to_json())),
            done=lambda _: _Sent(message),
            failed=lambda cause: _Sent(message, cause),
        )

    @on(_Sent)
    def _sent(self, message: _Sent, sender: ActorAddress) -> None:
        follower, cause = message.message.follower, message.cause
        waiting = self._waiting.get(follower) if isinstance(follower, RemoteFollower) else None
        if waiting is None or not isinstance(follower, RemoteFollower):
            return
        if cause is None:
            waiting.busy = False
            self._send(follower)
            return
        self.log.info("lines for a client of controller%s are left out: %s", follower.controller, cause)
        for line in message.message.lines:
            waiting.lines.leave_out((line.activation_id, line.name), line.text)
        self.start_timer(str(follower), REST, _Rested(follower))

    @on(_Rested)
    def _rested(self, message: _Rested, sender: ActorAddress) -> None:
        if message.follower in self._waiting:
            self._waiting[message.follower].busy = False
            self._send(message.follower)

    @on(UnfollowLogs)
    def _unfollow(self, message: UnfollowLogs, sender: ActorAddress) -> None:
        if isinstance(message.follower, RemoteFollower):
            self._waiting.pop(message.follower, None)
            self.cancel_timer(str(message.follower))
