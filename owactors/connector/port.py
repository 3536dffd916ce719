"""The port between the product and a message broker. (OpenWhisk, MessagingProvider.scala.)

A topic is a log of records, kept for a while. A producer appends to it. Of a consumer group one member reads
it; the group's committed offset says where a member begins that has no position of its own, and without one
it begins at the oldest record. All coroutines run on the loop that first used the object; none blocks it.

Objects connect when they are first used and again after every loss: none has to be made anew because a broker
was away. All times are seconds unless a name says otherwise, all sizes bytes.
"""

from __future__ import annotations

from typing import Protocol

from attrs import field, frozen

from owactors.connector.topics import TopicConfig

DEFAULT_MAX_REQUEST_SIZE = 1024 * 1024
#: partition of a record that came past the broker; whoever took it in has written it down already
DIRECT = -1


class ConnectorError(Exception):
    """A broker did not do what was asked; asking again will not help. The message says what was wrong."""


class BrokerUnavailable(ConnectorError):
    """The broker was not reached or did not answer in time; asking again later may help.

    Of a send: the record may or may not be on the topic, as after every lost answer.
    """


class NotSent(BrokerUnavailable):
    """Of a send: the record certainly is on no topic, and will not come onto one. It may be sent again."""


class MessageTooLarge(ConnectorError):
    """The record is larger than the producer or the topic allows. It was not stored; a shorter one may be."""


class NoSuchTopic(ConnectorError):
    """The broker is there, the topic is not: nobody ensured it."""


class FencedInstance(ConnectorError):
    """Another consumer joined the group with this one's instance id and has its place. It is for good."""


class ConnectorClosed(ConnectorError):
    """The object was closed."""


@frozen
class Record:
    """One record as read: where it stood, when it was sent (epoch ms), and what it says."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    payload: bytes = field(repr=lambda payload: f"<{len(payload)} bytes>")


@frozen
class Sent:
    """Where a record was stored."""

    topic: str
    partition: int
    offset: int


class Producer(Protocol):
    """Appends records. One per process and size limit is enough; any number of sends may be under way."""

    async def send(self, topic: str, payload: bytes) -> Sent:
        """Returns when the broker has the record.

        Raises MessageTooLarge, NoSuchTopic, BrokerUnavailable (after the delivery time of the settings; NotSent if
        that is certain, also at once while too much is unsent) and ConnectorClosed. Records sent while others are
        under way usually, but not after a loss of the connection, keep their order.
        """
        ...

    async def close(self) -> None:
        """Gives what is unsent a moment, then fails it. Again is no error."""
        ...


class Consumer(Protocol):
    """One member of a consumer group on one topic.

    Calls are made one after the other, `lag` and `close` at any time.
    """

    @property
    def topic(self) -> str:
        """What is read."""
        ...

    @property
    def group(self) -> str:
        """The group whose member this is."""
        ...

    @property
    def max_peek(self) -> int:
        """Records of one peek at most."""
        ...

    async def peek(self, max_records: int | None = None, timeout: float = 0.5) -> list[Record]:
        """The next records in the order of the topic, at most `max_records` (never more than `max_peek`).

        Returns as soon as there is one, and an empty list after `timeout`: also while another member has the
        topic, and perhaps while the broker is away. A cancelled peek loses nothing. Raises BrokerUnavailable,
        NoSuchTopic, FencedInstance, ConnectorClosed.
        """
        ...

    async def commit(self, upto: Record | None = None) -> None:
        """Makes the group go on behind everything peeked so far, or behind `upto`.

        After an error nothing counts as peeked that was not committed before: the next peek begins with the
        oldest such record. Raises BrokerUnavailable, FencedInstance, ConnectorClosed, and ConnectorError when
        the group has meanwhile given the topic to another member.
        """
        ...

    async def lag(self) -> int:
        """Records on the topic that were not peeked yet; before the first peek, those the group did not commit.

        Raises as `peek`.
        """
        ...

    async def close(self) -> None:
        """Leaves the topic to the next member without committing. Again is no error."""
        ...


class MessagingProvider(Protocol):
    """A broker: makes topics, producers and consumers. Only `ensure_topic` speaks with it at once."""

    async def ensure_topic(self, topic: str, config: TopicConfig) -> None:
        """Creates the topic unless it exists; an existing one stays as it is. Raises BrokerUnavailable,
        ConnectorError.
        """
        ...

    def producer(self, max_request_size: int = DEFAULT_MAX_REQUEST_SIZE) -> Producer:
        """A producer that refuses records larger than this, the broker's few bytes around them included."""
        ...

    def consumer(self, topic: str, group: str, max_peek: int = 128, instance: str | None = None) -> Consumer:
        """A member of the group.

        `instance` is the member's lasting id: a second member with the same takes the place of the first at
        once, however that one ended, and the first is fenced if it is alive. Without one, a member that died
        keeps its place until its session has run out.
        """
        ...

    async def close(self) -> None:
        """Closes every producer and consumer made here."""
        ...
