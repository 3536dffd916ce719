"""`owactors events` on a real Kafka: what was sent before and after its start is in its figures."""

from __future__ import annotations

import asyncio
import logging
import signal
import subprocess
import sys
import time
import urllib.request

import orjson
import pytest

from owactors.connector.kafka.provider import KafkaMessaging
from owactors.connector.kafka.settings import KafkaSettings
from owactors.connector.topics import Topics
from owactors.message.event import EventMessage, MetricEvent
from owactors.node.userevents import count
from owactors.observe.userevents import UserEventRecorder
from tests.contract.connector.worlds import fresh

REFUSED = EventMessage("controller0", MetricEvent("TimedRateLimit", 1), "ada", "ada", "uuid", 0)


async def send(kafka_address: str, prefix: str, *payloads: bytes) -> None:
    messaging, topic = KafkaMessaging(KafkaSettings((kafka_address,))), Topics(user_event_prefix=prefix).events()
    try:
        await messaging.ensure_topic(topic.name, topic.config)
        producer = messaging.producer()
        for payload in payloads:
            await producer.send(topic.name, payload)
    finally:
        await messaging.close()


def shown(process: subprocess.Popen[str], wanted: str) -> None:
    assert process.stdout is not None
    address = next(word for word in process.stdout.readline().split() if word.startswith("http")).rstrip(";")
    for _ in range(600):
        with urllib.request.urlopen(address, timeout=10) as answer:
            text = answer.read().decode()
        if wanted in text:
            return
        time.sleep(0.1)
    raise AssertionError(f"{wanted} is not in {text}")


@pytest.mark.services
def test_events_of_the_topic_are_shown(kafka_address: str) -> None:
    prefix = fresh("events") + "-"
    payload = orjson.dumps(REFUSED.to_json())
    asyncio.run(send(kafka_address, prefix, payload, b"junk", payload))
    words = ("events", "--kafka", kafka_address, "--port", "0", "--set", f"kafka.user_events_prefix={prefix}")
    with subprocess.Popen([sys.executable, "-m", "owactors.cli", *words], stdout=subprocess.PIPE, text=True) as process:
        try:
            shown(process, 'openwhisk_action_limit_timed_total{namespace="ada"} 2.0')
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
        finally:
            process.kill()


def test_what_cannot_be_read_is_passed_over_and_said(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        for payload in (b"junk", b"[]", b"{}", b'{"eventType":"Metric"}'):
            count(payload, UserEventRecorder())
    assert [record.message.startswith("a user event cannot be read") for record in caplog.records] == [True] * 4
