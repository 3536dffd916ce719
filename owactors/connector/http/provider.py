"""HTTP first as a messaging provider, above another one."""

from __future__ import annotations

from functools import partial

from owactors.connector.http.endpoint import Endpoint
from owactors.connector.http.merged import MergedConsumer
from owactors.connector.http.producer import HttpFirstProducer
from owactors.connector.http.settings import HttpTimes, HttpTls
from owactors.connector.http.ways import Ways
from owactors.connector.memory.provider import MemoryMessaging
from owactors.connector.port import (
    DEFAULT_MAX_REQUEST_SIZE,
    BrokerUnavailable,
    ConnectorError,
    Consumer,
    MessagingProvider,
)
from owactors.connector.topics import TopicConfig
from owactors.core.requestseal import RequestSeal

#: bytes on a topic of this process's memory
MOST_WAITING = 32 * 1024 * 1024


class HttpFirstMessaging:
    """See `owactors.connector.port.MessagingProvider`.

    `learn` says where the reader of a topic is reached. What comes to this process over HTTP (activations to an
    invoker, acknowledgements to a controller) is put on a topic of its own memory and read together with the
    broker's topic of the same name. `answers`: the topic on which acknowledgements that come belong.
    """

    def __init__(
        self,
        base: MessagingProvider,
        seal: RequestSeal,
        answers: str = "",
        *,
        resends: bool = True,
        times: HttpTimes = HttpTimes(),
        forgets: bool = True,
        tls: HttpTls | None = None,
        calls: str = "",
    ) -> None:
        """`forgets`: what all groups there are have read is dropped; a later group does not see it.

        `calls`: what the names of the invokers' topics begin with, in front of their numbers.

        `tls`: nothing goes without it.
        """
        self.base, self.seal, self.tls = base, seal, tls
        #: how sends went that could go over HTTP
        self.ways = Ways(calls)
        self._answers, self._resends, self._times, self._forgets = answers, resends, times, forgets
        self._direct = MemoryMessaging()
        #: topics of which something may come to this process itself; all others are the broker's alone
        self._expected = {answers} if answers else set()
        self._endpoints: dict[str, Endpoint] = {}
        #: nothing new goes there, and answers may still come
        self._left: list[Endpoint] = []
        self._made: list[HttpFirstProducer | Consumer] = []

    # -- the port

    async def ensure_topic(self, topic: str, config: TopicConfig) -> None:
        """At the broker, and here."""
        await self.base.ensure_topic(topic, config)
        if config.partitions == 1:
            await self._direct.ensure_topic(topic, config)

    def producer(self, max_request_size: int = DEFAULT_MAX_REQUEST_SIZE) -> HttpFirstProducer:
        """A producer; invokers that become known later count as well."""
        base = self.base.producer(max_request_size)
        producer = HttpFirstProducer(base, self._endpoints, max_request_size, self._resends, self.ways)
        self._made.append(producer)
        return producer

    def consumer(self, topic: str, group: str, max_peek: int = 128, instance: str | None = None) -> Consumer:
        """A member of the group, here and at the broker."""
        base = self.base.consumer(topic, group, max_peek, instance)
        direct = self._direct.consumer(topic, group, max_peek, instance)
        consumer: Consumer = MergedConsumer(direct, base, partial(self._forget, topic), lambda: topic in self._expected)
        self._made.append(consumer)
        return consumer

    async def close(self) -> None:
        """Everything that was made here, and what is below."""
        for endpoint in (*self._endpoints.values(), *self._left):
            endpoint.close()
        self._endpoints.clear()
        self._left.clear()
        made, self._made = self._made, []
        for each in made:
            await each.close()
        await self.base.close()

    # -- who is where

    def learn(self, topic: str, host: str, port: int) -> None:
        """The reader of this topic takes messages there."""
        if self.address(topic) == (host, port):
            return
        self.unlearn(topic)
        client = None if self.tls is None else self.tls.client
        self._endpoints[topic] = Endpoint(host, port, topic, self.seal, self._answered, self._times, client)

    def address(self, topic: str) -> tuple[str, int] | None:
        """Where the reader of this topic takes messages, as far as is known."""
        known = self._endpoints.get(topic)
        return None if known is None else (known.host, known.port)

    def unlearn(self, topic: str) -> None:
        """It takes nothing over HTTP any more; what it has taken it may still answer."""
        known = self._endpoints.pop(topic, None)
        if known is not None:
            self._left = [endpoint for endpoint in self._left if endpoint.busy]
            self._left.append(known)

    # -- what comes

    def expect(self, topic: str) -> None:
        """From now on messages of this topic may come over HTTP."""
        self._expected.add(topic)

    def take(self, topic: str, payload: bytes) -> int:
        """Puts a message that came over HTTP before the readers of this process; its position.

        NoSuchTopic, MessageTooLarge, BrokerUnavailable (too much waits there already).
        """
        self.check_room(topic, len(payload))
        return self._direct.append(topic, payload)

    def check_room(self, topic: str, size: int) -> None:
        """Raises what `take` would raise for a message of so many bytes."""
        waiting = self._direct.log(topic)
        waiting.check(size)
        if waiting.size + size > MOST_WAITING:
            raise BrokerUnavailable(f"{waiting.size} bytes wait for the reader of {topic} already")

    def waiting(self, topic: str) -> int:
        """Messages that came over HTTP and were not read."""
        return len(self._direct.log(topic).records)

    def _answered(self, line: bytes) -> bool:
        try:
            self.take(self._answers, line)
        except ConnectorError:
            return False
        return True

    def _forget(self, topic: str) -> None:
        if self._forgets:
            self._direct.forget_read(topic)
