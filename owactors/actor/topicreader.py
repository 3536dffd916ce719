"""Actors that read a topic: a feed below them hands over its messages with credit."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any, ClassVar

from thespian.actors import ActorAddress

from owactors.actor.commitbehind import CommitBehind
from owactors.actor.io import IoActor, on
from owactors.actor.messagefeed import FeedConsumer, FeedSetup, MessageFeed, Polled
from owactors.actor.messaging import MESSAGING
from owactors.actor.wrappedconsumer import WrappedConsumer
from owactors.connector.topics import Topic
from owactors.core.messagefeed import FeedSettings
from owactors.message.feed import Handle, Processed
from owactors.message.payload import from_payload
from owactors.observe.metrics import METRICS
from owactors.observe.tokens import unreadable_message

#: records of one poll, and messages handed over at a time
PEEK = 128
#: seconds: acknowledgements, pings and the like may come twice
COMMIT_EVERY = 1.0
#: seconds of a poll for what is to be passed over: it is there, but may not be this member's yet
PATIENCE = 0.5
#: seconds that pings and heartbeats may wait
SIGNS_EVERY = 0.3


class FromNow(WrappedConsumer):
    """A consumer that passes over what was on the topic before its first peek.

    What comes meanwhile counts as new: a topic on which something comes all the time would be passed over for ever.
    """

    #: records that are still to be passed over; None: not known yet
    _behind: int | None = None

    async def peek(self, max_records: int | None = None, timeout: float = 0.5) -> Sequence[Polled]:
        """As the port says."""
        await self.arrive()
        return await self._consumer.peek(max_records, timeout)

    async def arrive(self) -> None:
        """Passes over what is there; at once if that is done already."""
        if self._behind is None:
            self._behind = await self._consumer.lag()
        while self._behind:
            await self._pass_over(self._behind)

    async def _pass_over(self, behind: int) -> None:
        """After an error nobody knows what comes again: then it is measured anew."""
        self._behind = None
        passed = await self._consumer.peek(min(behind, PEEK), PATIENCE)
        if passed:
            await self._consumer.commit()
            self._behind = behind - len(passed)
        else:  # what was counted may be gone by now, as with a hub
            self._behind = min(behind, await self._consumer.lag())


class Leisurely(WrappedConsumer):
    """A consumer that looks again only a while after something came, and then has more at a time."""

    def __init__(self, consumer: FeedConsumer, every: float) -> None:
        super().__init__(consumer)
        self._every, self._last = every, 0.0

    async def peek(self, max_records: int | None = None, timeout: float = 0.5) -> Sequence[Polled]:
        """As the port says."""
        await asyncio.sleep(max(0.0, self._last + self._every - time.monotonic()))
        records = await self._consumer.peek(max_records, timeout)
        if records:
            self._last = time.monotonic()
        return records


class TopicReader(IoActor):
    """Calls `received` for each message of a topic, as a JSON value."""

    feed_class: ClassVar[type[IoActor]] = MessageFeed

    def read_topic(
        self, messaging: Any, topic: Topic, instance: str, *, from_now: bool = False, every: float = 0.0
    ) -> None:
        """Begins to read; `instance` is the lasting id of this member.

        `from_now`: not what is there already. `every`: seconds that messages may wait, so that more come at a time.
        """
        assert topic.group is not None
        self._topic = topic.name
        consumer = CommitBehind(
            MESSAGING.get(messaging).consumer(topic.name, topic.group, PEEK, instance), COMMIT_EVERY
        )
        feed = self.create(self.feed_class)
        settings = FeedSettings(topic.name, PEEK, PEEK)
        begun = FromNow(consumer) if from_now else consumer
        chosen: FeedConsumer = Leisurely(begun, every) if every else begun
        self.tell(feed, FeedSetup(settings, chosen, self.myAddress))

    @on(Handle)
    def _handle_payload(self, message: Handle, sender: ActorAddress) -> None:
        self.tell(sender, Processed())
        try:
            self.received(from_payload(message.payload))
        except ValueError as error:
            METRICS.count(unreadable_message(self._topic))
            self.log.error("a message of %s cannot be read: %s: %.300r", self._topic, error, message.payload)

    def received(self, value: Any) -> None:
        """A message came. ValueError, thus also DeserializationError, is counted and logged."""
        raise NotImplementedError
