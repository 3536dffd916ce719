"""Sends records to Kafka without holding up the event loop. (OpenWhisk, KafkaProducerConnector.scala.)"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from kafka import KafkaProducer as Client
from kafka import errors as kafka_errors

from owactors.connector.kafka.client import RECORD_OVERHEAD, connected, topics_of_brokers, translated
from owactors.connector.kafka.deliveries import Deliveries
from owactors.connector.kafka.departures import Departures
from owactors.connector.kafka.settings import KafkaSettings
from owactors.connector.port import BrokerUnavailable, ConnectorClosed, MessageTooLarge, NoSuchTopic, NotSent, Sent

T = TypeVar("T")


class KafkaProducer:
    """See `owactors.connector.port.Producer`.

    Whatever may block runs in a thread of its own: connecting and the first look at a topic's partitions. A
    send proper only puts the record into kafka-python's buffer, from which its own thread sends.
    """

    def __init__(self, settings: KafkaSettings, max_request_size: int) -> None:
        self._settings = settings
        self._max_request_size = max_request_size
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="kafka-producer")
        self._preparing = asyncio.Lock()
        self._client: Any = None
        self._deliveries: Deliveries | None = None
        self._departures = Departures()
        self._known_topics: set[str] = set()
        self._unsent_bytes = 0
        self._closed = False

    async def send(self, topic: str, payload: bytes) -> Sent:
        """Returns when all replicas in sync have the record."""
        self._check(payload)
        before, pending = await self._append(topic, payload)
        try:
            # A caller that gives up does not take the record out of the buffer.
            metadata = await asyncio.shield(self._until_sent(pending, len(payload)))
        except kafka_errors.KafkaError as error:
            problem = translated(error, f"sending {len(payload)} bytes to {topic}")
            if isinstance(problem, BrokerUnavailable) and self._departures.none_since(topic, before):
                raise NotSent(str(problem)) from error
            raise problem from error
        return Sent(topic, metadata.partition, metadata.offset)

    async def close(self) -> None:
        """Waits a moment for what is unsent."""
        if self._closed:
            return
        self._closed = True
        async with self._preparing:
            if self._client is not None:
                await self._in_thread(self._close_client)
        self._thread.shutdown(wait=False)

    def _check(self, payload: bytes) -> None:
        if self._closed:
            raise ConnectorClosed("the producer is closed")
        size = len(payload) + RECORD_OVERHEAD
        if size > self._max_request_size:
            raise MessageTooLarge(f"{size} bytes are too many for a request of {self._max_request_size}")
        if self._unsent_bytes + len(payload) > self._settings.max_unsent_bytes:
            raise NotSent(f"{self._unsent_bytes} bytes wait for the broker already")

    async def _append(self, topic: str, payload: bytes) -> tuple[int, Any]:
        """Puts it into kafka-python's buffer, from which it may leave at once."""
        for _ in range(2):
            if topic not in self._known_topics:
                await self._prepare_or_not_sent(topic)
            before = self._departures.before(topic)
            try:
                return before, self._client.send(topic, payload)
            except kafka_errors.KafkaTimeoutError:
                # Its partitions were forgotten, or the buffer is full.
                self._known_topics.discard(topic)
            except kafka_errors.KafkaError as error:
                raise translated(error, f"sending {len(payload)} bytes to {topic}") from error
        raise NotSent(f"nothing can be put into the buffer for {topic}")

    async def _prepare_or_not_sent(self, topic: str) -> None:
        try:
            await self._prepare(topic)
        except BrokerUnavailable as problem:
            raise NotSent(str(problem)) from problem

    def _until_sent(self, pending: Any, size: int) -> asyncio.Future[Any]:
        assert self._deliveries is not None
        future = self._deliveries.watch(pending)
        self._unsent_bytes += size

        def done(ended: asyncio.Future[Any]) -> None:
            self._unsent_bytes -= size
            ended.exception()  # it counts as seen, also when the caller has given up

        future.add_done_callback(done)
        return future

    async def _prepare(self, topic: str) -> None:
        async with self._preparing:
            if self._closed:
                raise ConnectorClosed("the producer is closed")
            if self._client is None:
                self._deliveries = Deliveries(asyncio.get_running_loop())
                config = self._settings.for_producers(self._max_request_size)
                self._client = await self._in_thread(lambda: connected(Client, config, self._departures.watch))
            if topic not in self._known_topics:
                await self._in_thread(lambda: self._find_partitions(topic))
                self._known_topics.add(topic)

    async def _in_thread(self, function: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function)

    def _find_partitions(self, topic: str) -> None:
        """Raises NoSuchTopic if the brokers answer and do not know it; kafka-python itself only says "not yet"."""
        deadline = time.monotonic() + self._settings.metadata_timeout
        while True:
            try:
                self._client.partitions_for(topic)
                return
            except kafka_errors.KafkaTimeoutError as error:
                if topic not in topics_of_brokers(self._settings):
                    raise NoSuchTopic(f"there is no topic {topic}") from error
                if time.monotonic() >= deadline:
                    raise BrokerUnavailable(f"no broker told the partitions of {topic}: {error}") from error

    def _close_client(self) -> None:
        try:
            self._client.close(timeout=self._settings.close_timeout)
        except kafka_errors.KafkaTimeoutError:
            # Closing ends at the flush that did not come to its end.
            self._client.close(timeout=0)
