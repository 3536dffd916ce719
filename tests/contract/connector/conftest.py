"""Every broker in turn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from owactors.actor.bus import BusSettings
from owactors.actor.busmessaging import BusMessaging
from owactors.actor.hubtopics import HubTopics
from owactors.connector.kafka.provider import KafkaMessaging
from owactors.connector.kafka.settings import KafkaSettings
from owactors.connector.memory.provider import MemoryMessaging
from owactors.connector.topics import Topics
from tests.connector.httpworld import HttpWorld
from tests.contract.connector.worlds import World


def bus_messaging() -> BusMessaging:
    """The bus of a controller whose hub is in this loop."""

    async def ask(hub: HubTopics, make: Callable[[int], Any], seconds: float = 0.0) -> Any:
        return await hub.answer(make(1))

    messaging = BusMessaging(BusSettings(Topics(), controller="0"))
    messaging.attach(ask)
    messaging.learn({"0": HubTopics(forgets=False)})
    return messaging


@pytest.fixture(params=["memory", "actors", "http", pytest.param("kafka", marks=pytest.mark.services)])
def world(request: pytest.FixtureRequest) -> World:
    """A broker with a topic and a group of the test's own."""
    if request.param == "memory":
        return World("memory", MemoryMessaging)
    if request.param == "actors":
        return World("actors", bus_messaging)
    if request.param == "http":
        return World("http", HttpWorld)
    settings = KafkaSettings(hosts=(request.getfixturevalue("kafka_address"),))
    return World("kafka", lambda: KafkaMessaging(settings))
