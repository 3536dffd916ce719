"""A consumer on the bus whose questions and answers get lost: nothing is passed over, nothing is claimed twice."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from owactors.actor.bus import BusSettings
from owactors.actor.busconsumer import BusConsumer
from owactors.actor.busmessaging import BusMessaging
from owactors.actor.hubtopics import HubTopics
from owactors.connector.port import BrokerUnavailable, FencedInstance, Record
from owactors.connector.topics import Topics
from owactors.message.bus import BusCommit, BusPeek, BusQuestion

TOPIC = Topics().invoker(0)


class Lossy:
    """Two hubs, and a way to them on which questions or answers of a kind get lost, so many times each."""

    def __init__(self) -> None:
        self.hubs = {name: HubTopics() for name in "01"}
        self.lost_questions: Counter[type[BusQuestion]] = Counter()
        self.lost_answers: Counter[type[BusQuestion]] = Counter()
        self.messaging = BusMessaging(BusSettings(Topics()))
        self.messaging.attach(self.ask)
        self.messaging.learn(dict(self.hubs))

    async def ask(self, hub: HubTopics, make: Callable[[int], Any], seconds: float = 0.0) -> Any:
        question = make(1)
        kind = type(question)
        if self.lost_questions[kind]:
            self.lost_questions[kind] -= 1
            raise BrokerUnavailable("lost")
        answer = await hub.answer(question)
        if self.lost_answers[kind] and (kind is not BusPeek or answer):
            self.lost_answers[kind] -= 1
            raise BrokerUnavailable("its answer is lost")
        return answer

    async def send(self, *payloads: bytes, hub: str = "0") -> None:
        for payload in payloads:
            await self.hubs[hub]._messaging.producer().send(TOPIC.name, payload)

    def consumer(self) -> BusConsumer:
        return self.messaging.consumer(TOPIC.name, str(TOPIC.group), 8, "invoker0")


def play(story: Callable[[Lossy], Coroutine[Any, Any, None]]) -> None:
    async def whole() -> None:
        async with asyncio.timeout(60):
            world = Lossy()
            await world.messaging.ensure_topic(TOPIC.name, TOPIC.config)
            await story(world)
            await world.messaging.close()

    asyncio.run(whole())


async def next_of(consumer: BusConsumer) -> list[bytes]:
    """What comes next, however long it takes."""
    records: list[Record] = []
    while not records:
        records = await consumer.peek(timeout=0.1)
    return [record.payload for record in records]


def test_what_a_hub_gave_and_never_came_is_given_again() -> None:
    async def story(world: Lossy) -> None:
        world.lost_answers[BusPeek] = 1
        await world.send(b"a", b"b")
        consumer = world.consumer()
        assert await next_of(consumer) == [b"a", b"b"]
        await consumer.commit()
        await world.send(b"c")
        assert await next_of(consumer) == [b"c"]

    play(story)


@pytest.mark.parametrize("lost", ["question", "answer"])
def test_what_could_not_be_committed_comes_again_and_can_be(lost: str) -> None:
    async def story(world: Lossy) -> None:
        await world.send(b"a", b"b")
        consumer = world.consumer()
        assert await next_of(consumer) == [b"a", b"b"]
        (world.lost_questions if lost == "question" else world.lost_answers)[BusCommit] = 1
        with pytest.raises(BrokerUnavailable):
            await consumer.commit()
        assert await next_of(consumer) == [b"a", b"b"]
        await consumer.commit()
        await world.send(b"c")
        assert await next_of(consumer) == [b"c"]

    play(story)


def test_a_commit_of_what_is_given_again_does_not_count_and_fences_nobody() -> None:
    async def story(world: Lossy) -> None:
        await world.send(b"a")
        consumer = world.consumer()
        assert await next_of(consumer) == [b"a"]
        world.lost_answers[BusPeek] = 1
        await world.send(b"b")
        while world.lost_answers[BusPeek]:
            await asyncio.sleep(0.01)
        with pytest.raises(BrokerUnavailable, match="anew"):
            await consumer.commit()
        found = await next_of(consumer)
        if found == [b"a"]:
            found += await next_of(consumer)
        assert found == [b"a", b"b"]
        await consumer.commit()
        assert await consumer.lag() == 0

    play(story)


def test_a_peek_is_of_one_hub_so_that_one_that_is_away_holds_nothing_up() -> None:
    async def story(world: Lossy) -> None:
        await world.send(b"a", hub="0")
        await world.send(b"b", hub="1")
        consumer = world.consumer()
        first = await next_of(consumer)
        world.lost_questions[BusCommit] = 1
        with pytest.raises(BrokerUnavailable):
            await consumer.commit()
        second = await next_of(consumer)
        assert {*first, *second} == {b"a", b"b"}
        await consumer.commit()
        assert await next_of(consumer) == first

    play(story)


def test_another_one_with_its_id_has_its_place_on_every_hub_and_claims_what_it_has_not() -> None:
    async def story(world: Lossy) -> None:
        await world.send(b"a")
        invoker = world.consumer()
        assert await next_of(invoker) == [b"a"]
        other = world.consumer()
        assert await next_of(other) == [b"a"]
        await other.commit()
        with pytest.raises(FencedInstance):
            await invoker.commit()
        with pytest.raises(FencedInstance):
            await invoker.peek(timeout=0.1)

    play(story)
