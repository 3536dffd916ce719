"""Recorded messages over a real broker: sent as we write them, read as the original wrote them."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from owactors.connector.kafka.provider import KafkaMessaging
from owactors.connector.kafka.settings import KafkaSettings
from owactors.connector.port import MessagingProvider
from owactors.connector.topics import MAX_MESSAGE_BYTES, Topic, Topics
from owactors.entity.instance import ControllerInstanceId
from tests.contract.connector.worlds import fresh, read
from tests.message.recordings import recorded
from tests.message.test_recordings import READERS, exactly

CONTROLLER = ControllerInstanceId("0")


def topics() -> dict[str, Topic]:
    """One topic of each kind, of this test's own, by the names of the recordings."""
    made = Topics(prefix=fresh("wire") + "-", user_event_prefix=fresh("wire") + "-")
    return {
        "invoker": made.invoker(0),
        "completed": made.completed(CONTROLLER),
        "health": made.health(CONTROLLER),
        "events": made.events(),
        "cacheInvalidation": made.cache_invalidation(CONTROLLER),
    }


@pytest.mark.services
def test_what_we_write_is_on_the_topic_what_the_original_wrote(kafka_address: str) -> None:
    messaging = KafkaMessaging(KafkaSettings((kafka_address,)))

    async def act() -> None:
        try:
            for name, topic in topics().items():
                values = [message.value for message in recorded(name)]
                assert [exactly(value) for value in await over(messaging, topic, name, values)] == [
                    exactly(value) for value in values
                ]
        finally:
            await messaging.close()

    asyncio.run(act())


async def over(messaging: MessagingProvider, topic: Topic, name: str, values: list[Any]) -> list[Any]:
    """The values after reading, writing, sending and receiving."""
    await messaging.ensure_topic(topic.name, topic.config)
    producer = messaging.producer(MAX_MESSAGE_BYTES)
    for value in values:
        await producer.send(topic.name, json.dumps(READERS[name](value).to_json()).encode())
    assert topic.group is not None
    records = await read(messaging.consumer(topic.name, topic.group, instance=topic.name), len(values))
    return [json.loads(record.payload) for record in records]
