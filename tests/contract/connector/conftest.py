"""Every broker in turn."""

from __future__ import annotations

import pytest

from owactors.connector.kafka.provider import KafkaMessaging
from owactors.connector.kafka.settings import KafkaSettings
from owactors.connector.memory.provider import MemoryMessaging
from tests.contract.connector.worlds import World


@pytest.fixture(params=["memory", pytest.param("kafka", marks=pytest.mark.services)])
def world(request: pytest.FixtureRequest) -> World:
    """A broker with a topic and a group of the test's own."""
    if request.param == "memory":
        return World("memory", MemoryMessaging)
    settings = KafkaSettings(hosts=(request.getfixturevalue("kafka_address"),))
    return World("kafka", lambda: KafkaMessaging(settings))
