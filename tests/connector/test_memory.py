"""What a topic in memory forgets."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from owactors.connector.memory.provider import MemoryMessaging
from owactors.connector.port import ConnectorError
from owactors.connector.topics import TopicConfig


def play(act: Callable[[MemoryMessaging], Awaitable[None]], messaging: MemoryMessaging, config: TopicConfig) -> None:
    async def whole() -> None:
        await messaging.ensure_topic("topic", config)
        await act(messaging)

    asyncio.run(whole())


def test_the_oldest_records_go_when_there_is_too_much() -> None:
    async def act(messaging: MemoryMessaging) -> None:
        producer, consumer = messaging.producer(), messaging.consumer("topic", "group")
        for number in range(10):
            await producer.send("topic", b"%04d" % number)
        assert [record.payload for record in await consumer.peek()] == [b"0007", b"0008", b"0009"]
        assert await messaging.consumer("topic", "other").lag() == 3

    play(act, MemoryMessaging(max_bytes=12), TopicConfig(1000))
    play(act, MemoryMessaging(), TopicConfig(1000, retention_bytes=12))


def test_the_newest_record_stays_however_large() -> None:
    async def act(messaging: MemoryMessaging) -> None:
        for size in (10, 20):
            await messaging.producer().send("topic", b"x" * size)
        assert [len(record.payload) for record in await messaging.consumer("topic", "group").peek()] == [20]

    play(act, MemoryMessaging(max_bytes=1), TopicConfig(1000))


def test_records_go_when_they_are_too_old() -> None:
    now = [100.0]

    async def act(messaging: MemoryMessaging) -> None:
        producer, reader = messaging.producer(), messaging.consumer("topic", "reader")
        await producer.send("topic", b"old")
        assert [record.timestamp for record in await reader.peek()] == [100_000]
        await reader.commit()
        now[0] = 100.9
        await producer.send("topic", b"new")
        now[0] = 101.1
        assert [record.payload for record in await messaging.consumer("topic", "late").peek()] == [b"new"]
        now[0] = 105.0
        assert await messaging.consumer("topic", "later").lag() == 1
        assert await reader.peek(timeout=0) == []

    play(act, MemoryMessaging(clock=lambda: now[0]), TopicConfig(retention_ms=1000))


def test_a_group_whose_records_are_gone_begins_at_the_oldest() -> None:
    async def act(messaging: MemoryMessaging) -> None:
        producer, consumer = messaging.producer(), messaging.consumer("topic", "group")
        await producer.send("topic", b"0")
        await consumer.peek()
        await consumer.commit()
        await consumer.close()
        for number in range(1, 6):
            await producer.send("topic", b"%d" % number)
        again = messaging.consumer("topic", "group")
        assert [record.payload for record in await again.peek()] == [b"4", b"5"]

    play(act, MemoryMessaging(max_bytes=2), TopicConfig(1000))


def test_a_topic_has_one_partition() -> None:
    with pytest.raises(ConnectorError, match="one partition"):
        asyncio.run(MemoryMessaging().ensure_topic("topic", TopicConfig(1000, partitions=2)))


def test_the_next_member_reads_on_while_it_waits() -> None:
    async def act(messaging: MemoryMessaging) -> None:
        first, second = (messaging.consumer("topic", "group") for _ in range(2))
        await messaging.producer().send("topic", b"1")
        await first.peek()
        await first.commit()
        waiting = asyncio.create_task(second.peek(timeout=3600))
        await asyncio.sleep(0)
        await messaging.producer().send("topic", b"2")
        assert [record.payload for record in await first.peek()] == [b"2"]
        await first.close()
        assert [record.payload for record in await waiting] == [b"2"]

    play(act, MemoryMessaging(), TopicConfig(1000))
