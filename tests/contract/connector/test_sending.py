"""What a producer takes, and what it refuses."""

from __future__ import annotations

import asyncio

import pytest

from owactors.connector.port import ConnectorClosed, MessageTooLarge, MessagingProvider, NoSuchTopic
from owactors.connector.topics import MAX_MESSAGE_BYTES, MIB
from tests.contract.connector.worlds import LARGE, World, fill, fresh, numbered, payloads, read


def test_many_sends_at_a_time_all_arrive_once(world: World) -> None:
    texts = numbered(2000)

    async def act(messaging: MessagingProvider) -> None:
        producer = messaging.producer()
        sent = await asyncio.gather(*(producer.send(world.topic, text) for text in texts))
        assert sorted(s.offset for s in sent) == list(range(2000))
        records = await read(messaging.consumer(world.topic, world.group, max_peek=500), 2000)
        assert sorted(payloads(records)) == sorted(texts)
        by_offset = {s.offset: text for s, text in zip(sent, texts, strict=True)}
        assert [by_offset[r.offset] for r in records] == payloads(records)

    world.play(act)


def test_a_payload_of_one_mebibyte_fits_an_activation_topic(world: World) -> None:
    payload = b"x" * MIB

    async def act(messaging: MessagingProvider) -> None:
        await messaging.producer(MAX_MESSAGE_BYTES).send(world.topic, payload)
        (record,) = await read(messaging.consumer(world.topic, world.group), 1)
        assert record.payload == payload

    world.play(act, LARGE)


def test_a_producer_refuses_what_is_too_large_for_it(world: World) -> None:
    async def act(messaging: MessagingProvider) -> None:
        producer = messaging.producer(max_request_size=1000)
        with pytest.raises(MessageTooLarge, match="1000"):
            await producer.send(world.topic, b"x" * 1001)
        await producer.send(world.topic, b"x" * 500)
        assert await messaging.consumer(world.topic, world.group).lag() == 1

    world.play(act)


def test_a_topic_refuses_what_is_too_large_for_it_and_the_producer_goes_on(world: World) -> None:
    """The neighbours of the refused record are stored, and so is what follows."""

    async def act(messaging: MessagingProvider) -> None:
        producer = messaging.producer(MAX_MESSAGE_BYTES)
        burst = [b"before", b"x" * (MIB + 1000), b"after"]
        answers = await asyncio.gather(*(producer.send(world.topic, text) for text in burst), return_exceptions=True)
        assert [type(answer) for answer in answers].count(MessageTooLarge) == 1
        assert isinstance(answers[1], MessageTooLarge)
        await producer.send(world.topic, b"later")
        records = await read(messaging.consumer(world.topic, world.group), 3)
        assert sorted(payloads(records)) == [b"after", b"before", b"later"]

    world.play(act)


def test_nothing_is_sent_to_a_topic_that_nobody_ensured(world: World) -> None:
    async def act(messaging: MessagingProvider) -> None:
        missing = fresh("missing")
        producer = messaging.producer()
        with pytest.raises(NoSuchTopic, match=missing):
            await producer.send(missing, b"lost")
        with pytest.raises(NoSuchTopic, match=missing):
            await messaging.consumer(missing, world.group).peek()
        await producer.send(world.topic, b"other topics work")

    world.play(act)


def test_a_topic_can_be_used_as_soon_as_it_was_ensured(world: World) -> None:
    async def act(messaging: MessagingProvider) -> None:
        later = fresh("later")
        consumer = messaging.consumer(later, world.group)
        with pytest.raises(NoSuchTopic):
            await consumer.peek()
        await asyncio.gather(*(messaging.ensure_topic(later, LARGE) for _ in range(3)))
        await fill(messaging, later, [b"now"])
        assert payloads(await read(consumer, 1)) == [b"now"]
        await messaging.ensure_topic(later, LARGE)
        assert await messaging.consumer(later, fresh("group")).lag() == 1

    world.play(act)


def test_what_was_closed_says_so(world: World) -> None:
    async def act(messaging: MessagingProvider) -> None:
        producer, consumer = messaging.producer(), messaging.consumer(world.topic, world.group)
        await producer.send(world.topic, b"once")
        await read(consumer, 1)
        waiting = asyncio.create_task(consumer.peek(timeout=3600))
        await asyncio.sleep(0.05)
        for thing in (producer, consumer):
            await thing.close()
            await thing.close()
        with pytest.raises(ConnectorClosed):
            await waiting
        with pytest.raises(ConnectorClosed):
            await producer.send(world.topic, b"twice")
        for again in (consumer.peek, consumer.commit, consumer.lag):
            with pytest.raises(ConnectorClosed):
                await again()

    world.play(act)


def test_what_was_never_used_can_be_closed(world: World) -> None:
    async def act(messaging: MessagingProvider) -> None:
        await messaging.producer().close()
        await messaging.consumer(world.topic, world.group).close()

    world.play(act)
