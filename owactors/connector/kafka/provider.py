"""Kafka as a messaging provider. (OpenWhisk, KafkaMessagingProvider.scala.)"""

from __future__ import annotations

import asyncio
from typing import Any

from kafka import errors as kafka_errors

from owactors.connector.kafka.client import administration
from owactors.connector.kafka.consumer import KafkaConsumer
from owactors.connector.kafka.producer import KafkaProducer
from owactors.connector.kafka.settings import KafkaSettings
from owactors.connector.port import DEFAULT_MAX_REQUEST_SIZE, BrokerUnavailable
from owactors.connector.topics import TopicConfig

ENSURE_RETRIES = 5
ENSURE_PAUSE = 1.0


class KafkaMessaging:
    """See `owactors.connector.port.MessagingProvider`."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._made: list[KafkaProducer | KafkaConsumer] = []

    async def ensure_topic(self, topic: str, config: TopicConfig) -> None:
        """Tries again five times, a second apart, while the broker is away."""
        for attempt in range(ENSURE_RETRIES + 1):
            try:
                await asyncio.to_thread(self._ensure_topic, topic, config)
                return
            except BrokerUnavailable:
                if attempt == ENSURE_RETRIES:
                    raise
            await asyncio.sleep(ENSURE_PAUSE)

    def producer(self, max_request_size: int = DEFAULT_MAX_REQUEST_SIZE) -> KafkaProducer:
        """A producer; it connects at its first send."""
        producer = KafkaProducer(self._settings, max_request_size)
        self._made.append(producer)
        return producer

    def consumer(self, topic: str, group: str, max_peek: int = 128, instance: str | None = None) -> KafkaConsumer:
        """A consumer; it joins its group at its first peek."""
        consumer = KafkaConsumer(self._settings, topic, group, max_peek, instance)
        self._made.append(consumer)
        return consumer

    async def close(self) -> None:
        """Closes all at the same time."""
        made, self._made = self._made, []
        await asyncio.gather(*(member.close() for member in made))

    def _ensure_topic(self, topic: str, config: TopicConfig) -> None:
        with administration(self._settings, f"ensuring topic {topic}") as admin:
            try:
                if topic not in admin.list_topics():
                    admin.create_topics(self._new_topic(topic, config), wait_for_metadata=True)
            except kafka_errors.TopicAlreadyExistsError:
                pass  # somebody else was faster

    def _new_topic(self, topic: str, config: TopicConfig) -> dict[str, Any]:
        return {
            topic: {
                "num_partitions": config.partitions,
                "replication_factor": self._settings.replication_factor,
                "configs": config.to_kafka(),
            }
        }
