"""What a consumer reads, and how often."""

from __future__ import annotations

import asyncio
import time

from owactors.connector.commit import CommitPolicy, take
from owactors.connector.port import MessagingProvider
from tests.contract.connector.worlds import World, fill, fresh, numbered, payloads, read


def test_records_come_in_order_and_as_they_were_sent(world: World) -> None:
    before = int(time.time() * 1000)
    texts = [b'{"a": 1}', "täglich ✓".encode(), bytes(range(256)), b""]

    async def act(messaging: MessagingProvider) -> None:
        producer = messaging.producer()
        sent = [await producer.send(world.topic, text) for text in texts]
        records = await read(messaging.consumer(world.topic, world.group), len(texts))
        assert payloads(records) == texts
        assert [(r.topic, r.partition, r.offset) for r in records] == [(s.topic, s.partition, s.offset) for s in sent]
        assert [r.offset for r in records] == [0, 1, 2, 3]
        assert all(before - 1000 <= r.timestamp <= int(time.time() * 1000) + 1000 for r in records)

    world.play(act)


def test_a_peek_is_never_longer_than_asked_and_skips_nothing(world: World) -> None:
    async def act(messaging: MessagingProvider) -> None:
        await fill(messaging, world.topic, numbered(10))
        consumer = messaging.consumer(world.topic, world.group, max_peek=4)
        seen = []
        while len(seen) < 10:
            records = await consumer.peek(3 if not seen else 100, timeout=1.0)
            assert len(records) <= (3 if not seen else 4)
            seen += payloads(records)
        assert seen == numbered(10)
        assert await consumer.peek(timeout=0) == []

    world.play(act)


def test_a_peek_ends_when_a_record_comes(world: World) -> None:
    async def act(messaging: MessagingProvider) -> None:
        consumer = messaging.consumer(world.topic, world.group)
        assert await consumer.peek(timeout=0.1) == []
        waiting = asyncio.create_task(consumer.peek(timeout=3600))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        await fill(messaging, world.topic, [b"at last"])
        assert payloads(await waiting) == [b"at last"]

    world.play(act)


def test_a_cancelled_peek_loses_nothing(world: World) -> None:
    async def act(messaging: MessagingProvider) -> None:
        consumer = messaging.consumer(world.topic, world.group)
        assert await consumer.peek(timeout=0.1) == []
        waiting = asyncio.create_task(consumer.peek(timeout=3600))
        await asyncio.sleep(0.05)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await fill(messaging, world.topic, numbered(3))
        assert payloads(await read(consumer, 3)) == numbered(3)

    # A poll that nobody waits for any more goes on in a thread until a record comes.
    world.play(act)


def test_what_was_not_committed_comes_again(world: World) -> None:
    async def act(messaging: MessagingProvider) -> None:
        await fill(messaging, world.topic, numbered(5))
        first = messaging.consumer(world.topic, world.group)
        assert payloads(await read(first, 2)) == numbered(2)
        await first.commit()
        assert payloads(await read(first, 3)) == numbered(3, start=2)
        await first.close()
        second = messaging.consumer(world.topic, world.group)
        assert payloads(await read(second, 3)) == numbered(3, start=2)

    world.play(act)


def test_commit_may_name_the_last_record_that_counts(world: World) -> None:
    async def act(messaging: MessagingProvider) -> None:
        await fill(messaging, world.topic, numbered(5))
        first = messaging.consumer(world.topic, world.group)
        records = await read(first, 5)
        await first.commit(upto=records[1])
        await first.commit(upto=records[2])
        await first.close()
        second = messaging.consumer(world.topic, world.group)
        assert payloads(await read(second, 2)) == numbered(2, start=3)
        await second.commit()
        await second.close()
        third = messaging.consumer(world.topic, world.group)
        assert await third.lag() == 0
        assert await third.peek(timeout=0.3) == []

    world.play(act)


def test_commit_without_a_peek_changes_nothing(world: World) -> None:
    async def act(messaging: MessagingProvider) -> None:
        await fill(messaging, world.topic, numbered(2))
        consumer = messaging.consumer(world.topic, world.group)
        await consumer.commit()
        assert payloads(await read(consumer, 2)) == numbered(2)

    world.play(act)


def test_the_policy_says_when_records_count_as_done(world: World) -> None:
    async def act(messaging: MessagingProvider) -> None:
        await fill(messaging, world.topic, numbered(2))
        for policy, expected in (
            (CommitPolicy.AFTER_ACCEPTANCE, b"record 0"),
            (CommitPolicy.BEFORE_HANDLING, b"record 0"),
            (CommitPolicy.AFTER_ACCEPTANCE, b"record 1"),
        ):
            consumer = messaging.consumer(world.topic, world.group)
            records = []
            while not records:
                records = await take(consumer, policy, max_records=1)
            assert payloads(records) == [expected]
            await consumer.close()

    world.play(act)


def test_lag_counts_what_was_not_peeked(world: World) -> None:
    async def act(messaging: MessagingProvider) -> None:
        consumer = messaging.consumer(world.topic, world.group)
        assert await consumer.lag() == 0
        await fill(messaging, world.topic, numbered(7))
        assert await consumer.lag() == 7
        await read(consumer, 3)
        assert await consumer.lag() == 4
        await consumer.commit()
        await consumer.close()
        assert await messaging.consumer(world.topic, world.group).lag() == 4
        assert await messaging.consumer(world.topic, fresh("group")).lag() == 7

    world.play(act)
