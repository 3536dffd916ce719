"""Writes to the topics of a broker, and holds what must not be lost while the broker is away."""

from __future__ import annotations

from collections import deque

from attrs import evolve, field, frozen
from thespian.actors import ActorAddress

from owactors.actor.io import IoActor, on
from owactors.actor.messaging import MESSAGING
from owactors.connector.port import BrokerUnavailable, MessageTooLarge, NoSuchTopic, Producer
from owactors.connector.topics import MAX_MESSAGE_BYTES
from owactors.message.payload import to_payload
from owactors.message.topic import Write, WriterSetup, Written

#: messages held while the broker is away; the oldest go first
MOST_HELD = 20_000
RETRY_SECONDS = 1.0
#: then nobody waits for it any longer
MOST_TRIES = 900


@frozen(eq=False)
class _Done:
    """To self: it is on the topic."""

    write: Write
    sender: ActorAddress


@frozen(eq=False)
class _Failed:
    """To self."""

    write: Write
    sender: ActorAddress
    cause: BaseException = field(repr=False)


@frozen
class _Again:
    """To self: try again what is held."""


class TopicWriter(IoActor):
    """First message: WriterSetup."""

    def __init__(self) -> None:
        super().__init__()
        self._producer: Producer | None = None
        self._held: deque[tuple[Write, ActorAddress]] = deque()

    @on(WriterSetup)
    def setup(self, message: WriterSetup, sender: ActorAddress) -> None:
        self._producer = MESSAGING.get(message.messaging).producer(MAX_MESSAGE_BYTES)

    @on(Write)
    def write(self, message: Write, sender: ActorAddress) -> None:
        if self._held and message.keep:
            self._hold(message, sender)
        else:
            self._send(message, sender)

    def _send(self, message: Write, sender: ActorAddress) -> None:
        assert self._producer is not None
        self.spawn(
            self._producer.send(message.topic, to_payload(message.value)),
            done=lambda _: _Done(message, sender),
            failed=lambda cause: _Failed(message, sender, cause),
        )

    @on(_Done)
    def done(self, message: _Done, sender: ActorAddress) -> None:
        if message.write.token is not None:
            self.tell(message.sender, Written(message.write.token))

    @on(_Failed)
    def failed(self, message: _Failed, sender: ActorAddress) -> None:
        write, cause = message.write, message.cause
        if isinstance(cause, MessageTooLarge) and write.smaller is not None:
            self._send(evolve(write, value=write.smaller, smaller=None), message.sender)
        elif write.keep and isinstance(cause, (BrokerUnavailable, NoSuchTopic)) and write.tries < MOST_TRIES:
            self._hold(evolve(write, tries=write.tries + 1), message.sender)
        else:
            self.log.warning("%s did not get onto topic %s: %s", write.what, write.topic, cause)

    def _hold(self, write: Write, sender: ActorAddress) -> None:
        if not self._held:
            self.log.warning("the broker is away: %s for topic %s waits for it", write.what, write.topic)
        self._held.append((write, sender))
        if len(self._held) > MOST_HELD:
            lost, _ = self._held.popleft()
            self.log.error("too much waits for the broker: %s is lost", lost.what)
        if not self.has_timer("again"):
            self.start_timer("again", RETRY_SECONDS, _Again())

    @on(_Again)
    def again(self, message: _Again, sender: ActorAddress) -> None:
        held, self._held = self._held, deque()
        for write, asker in held:
            self._send(write, asker)
