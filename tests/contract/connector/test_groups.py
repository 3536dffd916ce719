"""Who of several consumers reads."""

from __future__ import annotations

import asyncio

import pytest

from owactors.connector.port import FencedInstance, MessagingProvider
from tests.contract.connector.worlds import World, fill, fresh, numbered, payloads, read


def test_each_group_reads_everything(world: World) -> None:
    async def act(messaging: MessagingProvider) -> None:
        await fill(messaging, world.topic, numbered(3))
        for _ in range(3):
            consumer = messaging.consumer(world.topic, fresh("group"))
            assert payloads(await read(consumer, 3)) == numbered(3)

    world.play(act)


def test_a_second_member_waits_until_the_first_has_left(world: World) -> None:
    async def act(messaging: MessagingProvider) -> None:
        first = messaging.consumer(world.topic, world.group, instance=fresh("first"))
        second = messaging.consumer(world.topic, world.group)
        await fill(messaging, world.topic, numbered(2))
        assert payloads(await read(first, 2)) == numbered(2)
        assert await second.peek(timeout=0.3) == []

    world.play(act)


def test_the_topic_passes_to_the_next_member(world: World) -> None:
    async def act(messaging: MessagingProvider) -> None:
        first = messaging.consumer(world.topic, world.group)
        await fill(messaging, world.topic, numbered(2))
        assert payloads(await read(first, 2)) == numbered(2)
        await first.commit()
        await first.close()
        second = messaging.consumer(world.topic, world.group)
        waiting = asyncio.create_task(read(second, 1))
        await fill(messaging, world.topic, [b"for the second"])
        assert payloads(await waiting) == [b"for the second"]

    world.play(act)


def test_the_same_instance_takes_over_at_once_and_fences_the_other(world: World) -> None:
    async def act(messaging: MessagingProvider) -> None:
        await fill(messaging, world.topic, numbered(4))
        first = messaging.consumer(world.topic, world.group, instance="invoker0")
        assert payloads(await read(first, 2)) == numbered(2)
        await first.commit()
        second = messaging.consumer(world.topic, world.group, instance="invoker0")
        assert payloads(await read(second, 2)) == numbered(2, start=2)
        with pytest.raises(FencedInstance, match="invoker0"):
            while True:
                await first.peek(timeout=1.0)
        for again in (first.peek, first.commit, first.lag):
            with pytest.raises(FencedInstance):
                await again()
        await second.commit()
        await first.close()
        await fill(messaging, world.topic, [b"goes on"])
        assert payloads(await read(second, 1)) == [b"goes on"]

    world.play(act)


def test_the_successor_of_an_instance_goes_on_behind_its_commit(world: World) -> None:
    async def act(messaging: MessagingProvider) -> None:
        await fill(messaging, world.topic, numbered(3))
        for number in range(3):
            consumer = messaging.consumer(world.topic, world.group, instance="invoker0")
            assert payloads(await read(consumer, 1)) == numbered(1, start=number)
            await consumer.commit()
            await consumer.close()

    world.play(act)
