"""What comes over HTTP and what comes by the topic, read by one consumer: nothing is lost, waits, or comes twice."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

import pytest
from attrs import define, field

from owactors.actor.commitbehind import CommitBehind
from owactors.connector.port import DIRECT, BrokerUnavailable, Record
from tests.connector.httppair import ANSWERS, CONFIG, OWN, Pair, message, play, some, until


def test_work_goes_on_while_the_broker_is_away() -> None:
    async def act(pair: Pair) -> None:
        async def away(*_: Any, **__: Any) -> Any:
            raise BrokerUnavailable("away")

        pair.work._base.peek = away  # type: ignore[attr-defined]
        for number in range(3):
            assert await pair.send(f"a{number}") == DIRECT
            assert len(await some(pair.work)) == 1

    play(act)


def test_what_came_itself_is_not_lost_with_a_commit_of_the_broker_that_fails() -> None:
    async def act(pair: Pair) -> None:
        base = pair.work._base  # type: ignore[attr-defined]
        commit = base.commit

        async def away(*_: Any) -> None:
            raise BrokerUnavailable("away")

        base.commit = away
        await pair.broker.producer().send(OWN, b"by the broker")
        assert await pair.send("a1") == DIRECT
        seen: list[bytes] = []
        while len(seen) < 2:
            seen += [record.payload for record in await pair.work.peek(timeout=1)]
        assert sorted(seen) == sorted([b"by the broker", message("a1")])
        with pytest.raises(BrokerUnavailable):
            await pair.work.commit()
        base.commit = commit
        assert [record.payload for record in await pair.work.peek(timeout=5)] == [message("a1")]
        await pair.work.commit()
        assert pair.invoker.waiting(OWN) == 0

    play(act)


def test_what_comes_by_the_topic_is_read_at_once_also_while_the_last_of_it_is_not_committed() -> None:
    """Acknowledgements may come twice: their reader commits now and then, and reads on meanwhile."""

    async def act(pair: Pair) -> None:
        reader = CommitBehind(pair.acks, every=3600)
        for number in range(4):
            await pair.broker.producer().send(ANSWERS, str(number).encode())
            assert [record.payload for record in await reader.peek(timeout=20)] == [str(number).encode()]
            await reader.commit()

    play(act)


def test_a_commit_of_what_was_just_read_waits_for_no_poll() -> None:
    """An invoker commits before it runs anything."""

    async def act(pair: Pair) -> None:
        await pair.broker.producer().send(OWN, message("a1"))
        assert [record.payload for record in await pair.work.peek(timeout=20)] == [message("a1")]
        assert pair.work._base_poll is None  # type: ignore[attr-defined]
        await pair.work.commit()

    play(act)


def test_a_commit_and_a_poll_that_is_under_way_are_in_nobody_s_way() -> None:
    async def act(pair: Pair) -> None:
        calls, sent = Calls(pair.acks), pair.broker.producer()
        await sent.send(ANSWERS, b"1")
        assert [record.payload for record in await pair.acks.peek(timeout=20)] == [b"1"]
        assert await pair.acks.peek(timeout=0.01) == []
        await sent.send(ANSWERS, b"2")
        await pair.acks.commit()
        assert calls.overlapping == 0
        assert [record.payload for record in await pair.acks.peek(timeout=20)] == [b"2"]
        calls.fails = True
        await sent.send(ANSWERS, b"3")
        with pytest.raises(BrokerUnavailable):
            await pair.acks.commit()
        assert calls.overlapping == 0

    play(act)


def test_what_a_failed_commit_brings_again_comes_once() -> None:
    async def act(pair: Pair) -> None:
        base = Rewinding()
        pair.acks._base = base  # type: ignore[attr-defined]
        base.has += [b"1"]
        seen = [record.payload for record in await pair.acks.peek(timeout=20)]
        base.has += [b"2"]
        seen += [record.payload for record in await pair.acks.peek(timeout=20)]
        pair.acks._base_poll = asyncio.create_task(base.peek())  # type: ignore[attr-defined]
        base.has += [b"3"]
        with pytest.raises(BrokerUnavailable):
            await pair.acks.commit()
        again: list[bytes] = []
        while len(again) < 3:
            again += [record.payload for record in await pair.acks.peek(timeout=20)]
        assert (seen, again) == ([b"1", b"2"], [b"1", b"2", b"3"])

    play(act)


@define(eq=False)
class Rewinding:
    """A broker's consumer whose commits fail: then everything comes again."""

    has: list[bytes] = field(factory=list)
    topic: str = ANSWERS
    max_peek: int = 8
    _next: int = 0

    async def peek(self, max_records: int | None = None, timeout: float = 0.5) -> list[Record]:
        await asyncio.sleep(0.001)
        first, self._next = self._next, len(self.has)
        return [Record(ANSWERS, 0, number, 0, self.has[number]) for number in range(first, self._next)]

    async def commit(self, upto: Record | None = None) -> None:
        self._next = 0
        raise BrokerUnavailable("away")

    async def close(self) -> None:
        pass


class Calls:
    """Counts calls of the broker's consumer below that overlap."""

    def __init__(self, consumer: Any) -> None:
        self.overlapping, self.fails, self._under_way = 0, False, 0
        base = consumer._base
        self._peek, self._commit = base.peek, base.commit
        base.peek, base.commit = self.peek, self.commit

    async def peek(self, *arguments: Any) -> Any:
        return await self._one(self._peek(*arguments))

    async def commit(self, *arguments: Any) -> None:
        await self._one(self._commit(*arguments))
        if self.fails:
            raise BrokerUnavailable("away")

    async def _one(self, call: Awaitable[Any]) -> Any:
        self.overlapping += bool(self._under_way)
        self._under_way += 1
        try:
            return await call
        finally:
            self._under_way -= 1


def test_of_what_nothing_comes_over_http_is_the_broker_s_alone() -> None:
    """Pings, heartbeats and the like."""

    async def act(pair: Pair) -> None:
        await pair.controller.ensure_topic("health", CONFIG)
        consumer = pair.controller.consumer("health", "health0")
        calls = Calls(consumer)
        for number in range(3):
            await pair.broker.producer().send("health", str(number).encode())
            assert [record.payload for record in await consumer.peek(timeout=20)] == [str(number).encode()]
        assert consumer._direct_poll is consumer._base_poll is None  # type: ignore[attr-defined]
        assert calls.overlapping == 0

    play(act)


def test_what_is_committed_cannot_be_claimed_by_whoever_takes_the_place() -> None:
    async def act(pair: Pair) -> None:
        assert await pair.send("a1") == DIRECT
        assert len(await some(pair.work)) == 1
        await pair.broker.producer().send(OWN, b"by the broker")
        poll = pair.work._base_poll  # type: ignore[attr-defined]
        await until(lambda: poll is None or poll.done())
        assert [record.payload for record in await some(pair.work)] == [b"by the broker"]
        assert await pair.broker.consumer(OWN, OWN, instance="another").lag() == 0

    play(act)
