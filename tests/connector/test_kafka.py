"""What only a real broker can show: its topics, its absence, and what dies around it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType

from owactors.connector.commit import CommitPolicy, take
from owactors.connector.kafka.provider import KafkaMessaging
from owactors.connector.kafka.settings import KafkaSettings
from owactors.connector.port import BrokerUnavailable, Consumer, NotSent, Producer
from owactors.connector.topics import Topic, Topics
from owactors.entity.instance import ControllerInstanceId
from tests.contract.connector.worlds import PATIENCE, SMALL, fill, fresh, payloads, read
from tests.services.kafka import CHECKOUT, Broker, running_broker

T = TypeVar("T")

#: a port that nothing listens on
NOWHERE = KafkaSettings(("127.0.0.1:9",), connect_timeout=0.5, delivery_timeout=1.0, close_timeout=0.5)


def play(settings: KafkaSettings, act: Callable[[KafkaMessaging], Awaitable[T]]) -> T:
    """Runs `act`; afterwards no thread of a client is left."""

    async def whole() -> T:
        messaging = KafkaMessaging(settings)
        try:
            return await asyncio.wait_for(act(messaging), PATIENCE)
        finally:
            await messaging.close()

    result = asyncio.run(whole())
    for thread in threading.enumerate():
        if thread.name.startswith("kafka"):
            thread.join(PATIENCE)
            assert not thread.is_alive(), thread
    return result


@pytest.mark.services
def test_topics_are_made_with_the_settings_of_the_wire(kafka_address: str) -> None:
    topics, controller = Topics(prefix=fresh("wire") + "-", user_event_prefix=fresh("wire") + "-"), "0"
    wanted = [topics.invoker(0), topics.completed(ControllerInstanceId(controller)), topics.health(), topics.events()]

    async def act(messaging: KafkaMessaging) -> None:
        for topic in wanted:
            await messaging.ensure_topic(topic.name, topic.config)
        shorter = Topic(wanted[0].name, SMALL)
        await messaging.ensure_topic(shorter.name, shorter.config)

    play(KafkaSettings((kafka_address,)), act)
    found = configs(kafka_address, [topic.name for topic in wanted])
    assert found == {topic.name: topic.config.to_kafka() for topic in wanted}


def configs(address: str, topics: list[str]) -> dict[str, dict[str, str]]:
    """The settings that were given to topics, as the broker has them."""
    admin = KafkaAdminClient(bootstrap_servers=[address])
    try:
        described = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in topics])
    finally:
        admin.close()
    return {
        name: {key: setting["value"] for key, setting in given.items()} for name, given in described["topic"].items()
    }


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(lambda messaging: messaging.producer().send("topic", b"lost"), id="send"),
        pytest.param(lambda messaging: messaging.consumer("topic", "group").peek(), id="peek"),
        pytest.param(lambda messaging: messaging.consumer("topic", "group").lag(), id="lag"),
    ],
)
def test_without_a_broker_everything_says_so_and_leaves_nothing(
    act: Callable[[KafkaMessaging], Awaitable[object]],
) -> None:
    with pytest.raises(BrokerUnavailable, match=r"127\.0\.0\.1:9"):
        play(NOWHERE, act)


def test_what_met_no_broker_certainly_was_not_sent() -> None:
    with pytest.raises(NotSent):
        play(NOWHERE, lambda messaging: messaging.producer().send("topic", b"lost"))


def test_the_loop_goes_on_while_a_client_looks_for_its_broker() -> None:
    async def act(messaging: KafkaMessaging) -> None:
        looking = [
            asyncio.create_task(messaging.producer().send("topic", b"lost")),
            asyncio.create_task(messaging.consumer("topic", "group").peek()),
        ]
        for _ in range(10):
            await asyncio.sleep(0.01)
        assert not any(task.done() for task in looking)
        assert {type(answer) for answer in await asyncio.gather(*looking, return_exceptions=True)} == {
            NotSent,
            BrokerUnavailable,
        }

    play(NOWHERE, act)


@pytest.mark.services
def test_no_more_waits_for_the_broker_than_may(kafka_address: str) -> None:
    topic = fresh("bound")

    async def act(messaging: KafkaMessaging) -> None:
        await messaging.ensure_topic(topic, SMALL)
        producer = messaging.producer()
        await producer.send(topic, b"x" * 600)
        sends = [asyncio.create_task(producer.send(topic, b"x" * 600)) for _ in range(2)]
        first, second = await asyncio.gather(*sends, return_exceptions=True)
        assert not isinstance(first, Exception)
        assert isinstance(second, BrokerUnavailable)
        await producer.send(topic, b"x" * 600)

    play(KafkaSettings((kafka_address,), max_unsent_bytes=1000), act)


@pytest.mark.services
@pytest.mark.timeout(180)
@pytest.mark.parametrize("how", ["end", "kill"] if os.environ.get("OWACTORS_TEST_LONG") else ["end"])
def test_what_is_said_not_to_be_sent_is_on_no_topic(how: str) -> None:
    """The broker goes under traffic; what fails then is nearly all certain, and none of that is ever read."""
    topic = fresh("certain")

    async def act(messaging: KafkaMessaging, broker: Broker) -> None:
        await messaging.ensure_topic(topic, SMALL)
        producer, outcomes = messaging.producer(), {}

        async def send(number: int) -> None:
            try:
                await producer.send(topic, b"%d" % number)
            except BrokerUnavailable as problem:
                outcomes[b"%d" % number] = type(problem)
            else:
                outcomes[b"%d" % number] = type(None)

        going = asyncio.create_task(asyncio.to_thread(broker.kill if how == "kill" else broker.end))
        sends = []
        while not (going.done() and NotSent in outcomes.values()):
            sends.append(asyncio.create_task(send(len(sends))))
            await asyncio.sleep(0.01)
        back = asyncio.create_task(asyncio.to_thread(broker.start))
        await asyncio.gather(back, *sends)
        consumer, seen = messaging.consumer(topic, "group"), set()
        while not {text for text, outcome in outcomes.items() if outcome is type(None)} <= seen:
            seen.update(payloads(await read(consumer, 1)))
            await consumer.commit()
        seen.update(payloads(await consumer.peek(timeout=1.0)))
        assert not [text for text in seen if outcomes[text] is NotSent]
        unsure = sum(outcome is BrokerUnavailable for outcome in outcomes.values())
        assert unsure < sum(outcome is NotSent for outcome in outcomes.values())

    with running_broker() as broker:
        settings = KafkaSettings((broker.address,), delivery_timeout=2.5, commit_timeout=1.0)
        play(settings, lambda messaging: act(messaging, broker))


READER = """
import asyncio, sys
from owactors.connector.kafka.provider import KafkaMessaging
from owactors.connector.kafka.settings import KafkaSettings

async def main(address, topic):
    messaging = KafkaMessaging(KafkaSettings((address,), session_timeout=600))
    consumer = messaging.consumer(topic, "group", instance="invoker0")
    while not await consumer.peek(1):
        pass
    await consumer.commit()
    print("committed", flush=True)
    await consumer.peek(1, timeout=3600)
    await asyncio.sleep(3600)

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.services
def test_the_successor_of_a_killed_process_reads_on_at_once(kafka_address: str) -> None:
    """The session of the killed one would last for ten minutes."""
    topic = fresh("killed")

    async def act(messaging: KafkaMessaging) -> None:
        await messaging.ensure_topic(topic, SMALL)
        await fill(messaging, topic, [b"first", b"second"])
        await asyncio.to_thread(read_and_die, kafka_address, topic)
        successor = messaging.consumer(topic, "group", instance="invoker0")
        assert payloads(await read(successor, 1)) == [b"second"]

    play(KafkaSettings((kafka_address,)), act)


def read_and_die(address: str, topic: str) -> None:
    """A process that commits one record and is killed."""
    command = [sys.executable, "-c", READER, address, topic]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=CHECKOUT) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        process.kill()
        assert line == "committed\n"


class Traffic:
    """Sends numbers until told to stop, and reads them; both go on whatever happens to the broker."""

    def __init__(self, topic: str, producer: Producer, consumer: Consumer) -> None:
        self.topic = topic
        self.producer = producer
        self.consumer = consumer
        self.confirmed: list[bytes] = []
        self.failed: list[bytes] = []
        self.read: list[bytes] = []
        self.stopping = False

    async def send(self, text: bytes) -> None:
        try:
            await self.producer.send(self.topic, text)
        except BrokerUnavailable:
            self.failed.append(text)
        else:
            self.confirmed.append(text)

    async def sending(self) -> None:
        number = 0
        under_way = set()
        while not self.stopping:
            under_way.add(asyncio.create_task(self.send(b"%d" % number)))
            number += 1
            await asyncio.sleep(0.01)
        await asyncio.gather(*under_way)

    async def reading(self) -> None:
        while not (self.stopping and set(self.confirmed) <= set(self.read)):
            try:
                records = await take(self.consumer, CommitPolicy.BEFORE_HANDLING, timeout=0.5)
            except BrokerUnavailable:
                await asyncio.sleep(0.1)
                continue
            self.read += payloads(records)

    async def more(self, count: int) -> None:
        """Returns when that many more were confirmed and something was read."""
        confirmed, seen = len(self.confirmed) + count, len(self.read)
        while len(self.confirmed) < confirmed or len(self.read) == seen:
            await asyncio.sleep(0.02)


@pytest.mark.services
@pytest.mark.timeout(180)
def test_a_broker_that_is_killed_and_comes_back_costs_nothing_that_was_confirmed() -> None:
    with running_broker() as broker:
        settings = KafkaSettings((broker.address,), commit_timeout=1.0)
        play(settings, lambda messaging: killed_under_traffic(broker, messaging))


async def killed_under_traffic(broker: Broker, messaging: KafkaMessaging) -> None:
    await messaging.ensure_topic("topic", SMALL)
    await messaging.ensure_topic("quiet", SMALL)
    await fill(messaging, "quiet", [b"one", b"two"])
    reader = messaging.consumer("quiet", "reader")
    before = await read(reader, 2)
    traffic = Traffic("topic", messaging.producer(), messaging.consumer("topic", "group", instance="invoker0"))
    running = [asyncio.create_task(work()) for work in (traffic.sending, traffic.reading)]
    await traffic.more(50)

    await asyncio.to_thread(broker.kill)
    with pytest.raises(BrokerUnavailable):
        await reader.commit()
    await asyncio.to_thread(broker.start)
    await traffic.more(50)
    traffic.stopping = True
    await asyncio.gather(*running)

    # Every producer and consumer is the one from before.
    assert set(traffic.read) >= set(traffic.confirmed)
    assert set(traffic.read) <= set(traffic.confirmed) | set(traffic.failed)
    # What could not be committed is read once more, and then it can.
    assert await read(reader, 2) == before
    await reader.commit()
    await reader.close()
    assert await messaging.consumer("quiet", "reader").lag() == 0
