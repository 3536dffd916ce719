"""Reading and writing topics: the broker is in memory, or answers by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from owactors.actor.commitbehind import CommitBehind
from owactors.actor.insteps import InSteps
from owactors.actor.journalingconsumer import JournalingConsumer
from owactors.actor.messagefeed import FeedSetup
from owactors.actor.messaging import MESSAGING
from owactors.actor.rejoiningconsumer import RejoiningConsumer
from owactors.actor.topicreader import FromNow, TopicReader
from owactors.actor.topicwriter import TopicWriter
from owactors.connector.memory.provider import MemoryMessaging
from owactors.connector.port import DIRECT, BrokerUnavailable, FencedInstance, MessageTooLarge, Record
from owactors.connector.topics import Topic, TopicConfig, Topics
from owactors.message.feed import Handle, Processed
from owactors.message.payload import to_payload
from owactors.message.topic import Write, WriterSetup, Written
from owactors.store.intakejournal import IntakeJournal
from owactors.store.recentids import RecentIds
from tests.actor.harness import Bench

HOUR = TopicConfig(3_600_000)


@pytest.fixture
def messaging() -> Iterator[MemoryMessaging]:
    broker = MemoryMessaging()
    MESSAGING.build = lambda settings: broker
    yield broker
    MESSAGING.build = None
    asyncio.run(MESSAGING.close())


class Reader(TopicReader):
    def received(self, value: Any) -> None:
        self.values = [*getattr(self, "values", []), value["n"] if "n" in value else orjson.loads(value["text"])]


def writer(messaging: MemoryMessaging) -> Bench:
    bench = Bench(TopicWriter)
    bench.give(WriterSetup("settings"))
    return bench


def test_a_reader_gives_credit_and_passes_over_what_it_cannot_read(messaging: MemoryMessaging) -> None:
    bench = Bench(Reader)
    bench.actor.read_topic("settings", Topic("health", HOUR, "health0"), "controller0")
    [setup] = bench.messages(FeedSetup)
    topic = setup.consumer._consumer
    assert (setup.settings.capacity, topic.topic, topic.group) == (128, "health", "health0")
    for payload in (b'{"n":1}', b"nonsense", b'{"text":"["}', b'{"n":2}'):
        bench.give(Handle(payload), "feed")
    assert bench.sent_to("feed") == [Processed(1)] * 4
    assert bench.actor.values == [1, 2]


def test_from_now_passes_over_what_is_there(messaging: MemoryMessaging) -> None:
    async def story() -> list[bytes]:
        await messaging.ensure_topic("health", HOUR)
        producer = messaging.producer()
        for number in range(300):
            await producer.send("health", str(number).encode())
        consumer = FromNow(messaging.consumer("health", "health0"))
        assert list(await consumer.peek(timeout=0.01)) == []
        await producer.send("health", b"fresh")
        return [record.payload for record in await consumer.peek(timeout=1)]

    assert asyncio.run(story()) == [b"fresh"]


class NeverQuiet:
    """A consumer that is always one batch behind, as of a topic with heartbeats: each look finds two more."""

    topic, max_peek = "hosts", 128

    def __init__(self) -> None:
        self.end, self.next = 4, 0

    async def lag(self) -> int:
        self.end += 2
        return self.end - self.next

    async def peek(self, max_records: int | None = None, timeout: float = 0.5) -> list[Any]:
        first, self.next = self.next, min(self.end, self.next + (max_records or 128))
        return [Record("hosts", 0, number, 0, b"") for number in range(first, self.next)]

    async def commit(self) -> None:
        self.end += 2


def test_from_now_passes_over_what_was_there_at_its_first_look_and_no_more() -> None:
    async def story() -> list[int]:
        async with asyncio.timeout(30):
            return [record.offset for record in await FromNow(NeverQuiet()).peek()]

    assert asyncio.run(story()) == [6, 7]


def test_from_now_does_not_wait_for_what_is_gone() -> None:
    """A hub that is started anew has lost what it had."""

    class Forgets(NeverQuiet):
        lags = (5, 0)

        async def lag(self) -> int:
            lag, self.lags = self.lags[0], self.lags[1:]
            return lag

        async def peek(self, max_records: int | None = None, timeout: float = 0.5) -> list[Any]:
            return await super().peek(max_records, timeout) if not self.lags else []

    async def story() -> list[int]:
        async with asyncio.timeout(30):
            return [record.offset for record in await FromNow(Forgets()).peek()]

    assert asyncio.run(story()) == [0, 1, 2, 3]


def test_from_now_measures_anew_when_nobody_knows_what_comes_again() -> None:
    class Breaks(NeverQuiet):
        breaks = True

        async def commit(self) -> None:
            if self.breaks:
                self.breaks, self.next = False, 0
                raise BrokerUnavailable("away")

    async def story() -> list[int]:
        consumer = FromNow(Breaks())
        with pytest.raises(BrokerUnavailable):
            await consumer.peek()
        return [record.offset for record in await consumer.peek()]

    assert asyncio.run(story()) == []


def test_what_is_written_is_confirmed(messaging: MemoryMessaging) -> None:
    bench = writer(messaging)
    bench.give(Write("completed0", {"b": 1, "a": 2}, "an ack", token="id"), "invoker")
    work = bench.work("send")
    assert (work.arguments["topic"], work.arguments["payload"]) == ("completed0", b'{"a":2,"b":1}')
    work.complete()
    assert bench.sent_to("invoker") == [Written("id")]


@pytest.mark.scenario("WIRE-07")
@pytest.mark.scenario("IN-11")
def test_what_is_too_large_goes_in_its_smaller_form(messaging: MemoryMessaging) -> None:
    bench = writer(messaging)
    bench.give(Write("completed0", {"response": {"big": 1}}, "an ack", smaller={"response": "id"}), "invoker")
    bench.work("send").fail(MessageTooLarge("too large"))
    work = bench.work("send")
    assert work.arguments["payload"] == b'{"response":"id"}'
    work.fail(MessageTooLarge("still"))
    assert bench.works == []


def test_what_must_not_be_lost_waits_for_the_broker_in_its_order(messaging: MemoryMessaging) -> None:
    bench = writer(messaging)
    bench.give(Write("t", 1, "one", keep=True, token="1"), "invoker")
    bench.give(Write("t", 9, "a ping"), "invoker")
    kept, ping = bench.works
    kept.fail(BrokerUnavailable("away"))
    ping.fail(BrokerUnavailable("away"))
    bench.give(Write("t", 2, "two", keep=True, token="2"), "invoker")
    assert bench.works == []
    bench.fire("again")
    assert [work.arguments["payload"] for work in bench.works] == [b"1", b"2"]
    for work in bench.works:
        work.complete()
    assert bench.sent_to("invoker") == [Written("1"), Written("2")]
    assert bench.timers == {}


def test_a_number_beyond_64_bits_is_written() -> None:
    assert to_payload({"n": 2**70, "a": "ü"}) == f'{{"a":"ü","n":{2**70}}}'.encode()


class ByHand:
    """A consumer whose commits fail when told to."""

    max_peek = 8

    def __init__(self, *payloads: bytes) -> None:
        self.payloads, self.commits, self.closed = list(payloads), 0, False
        self.fails: Exception | None = None
        self.upto: list[bytes | None] = []

    async def peek(self, max_records: int | None = None, timeout: float = 0.5) -> list[Any]:
        return [Record("t", 0, 0, 0, payload) for payload in self.payloads]

    async def commit(self, upto: Record | None = None) -> None:
        if self.fails is not None:
            raise self.fails
        self.commits += 1
        self.upto.append(upto and upto.payload)

    async def close(self) -> None:
        self.closed = True


def taken(key: str) -> bytes:
    return orjson.dumps({"activationId": key})


def test_a_consumer_writes_down_what_it_takes_and_knows_it_again(tmp_path: Any) -> None:
    async def story() -> None:
        journal, warnings = IntakeJournal.open(tmp_path / "journal"), []
        inner = ByHand(taken("a"), b"nonsense", taken("b"))
        consumer = JournalingConsumer(inner, journal, lambda *text: warnings.append(text))
        assert [record.payload for record in await consumer.peek()] == [taken("a"), b"nonsense", taken("b")]
        assert list(journal.unfinished) == ["a", "b"]
        await consumer.commit()
        assert [record.payload for record in await consumer.peek()] == [b"nonsense"]
        assert len(warnings) == 2
        journal.ended(["a", "b"])
        assert [record.payload for record in await consumer.peek()] == [b"nonsense"]

    asyncio.run(story())


def test_only_copies_are_committed_at_once(tmp_path: Any) -> None:
    async def story() -> None:
        journal, inner = IntakeJournal.open(tmp_path / "journal"), ByHand(taken("a"))
        consumer = JournalingConsumer(inner, journal)
        await consumer.peek()
        await consumer.commit()
        assert list(await consumer.peek()) == []
        await consumer.peek()
        assert inner.commits == 3

    asyncio.run(story())


def test_what_could_not_be_committed_is_not_claimed_and_comes_again(tmp_path: Any) -> None:
    async def story() -> None:
        journal, inner = IntakeJournal.open(tmp_path / "journal"), ByHand(taken("a"), taken("a"))
        consumer = JournalingConsumer(inner, journal)
        assert len(await consumer.peek()) == 1
        inner.fails = BrokerUnavailable("away")
        with pytest.raises(BrokerUnavailable):
            await consumer.commit()
        assert journal.unfinished["a"].claimed is False
        inner.fails = None
        assert len(await consumer.peek()) == 1
        await consumer.commit()
        assert journal.unfinished["a"].claimed is True
        assert list(await consumer.peek()) == []

    asyncio.run(story())


def test_what_could_not_be_written_down_comes_again(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is full for a moment. What came itself and was read together with it is not lost either."""

    async def story() -> None:
        journal = IntakeJournal.open(tmp_path / "journal")
        inner = ByHand(taken("a"), taken("b"))
        own = Record("t", DIRECT, 0, 0, taken("c"))

        async def once(max_records: int | None = None, timeout: float = 0.5) -> list[Any]:
            records, inner.payloads = [Record("t", 0, 0, 0, payload) for payload in inner.payloads], []
            return [*records, own] if records else []

        monkeypatch.setattr(inner, "peek", once)
        consumer, append = JournalingConsumer(inner, journal), IntakeJournal._append

        def full(self: IntakeJournal, entry: list[Any]) -> None:
            if entry[1] == "b":
                raise OSError(28, "No space left on device")
            append(self, entry)

        monkeypatch.setattr(IntakeJournal, "_append", full)
        with pytest.raises(OSError, match="No space"):
            await consumer.peek()
        monkeypatch.setattr(IntakeJournal, "_append", append)
        assert [record.payload for record in await consumer.peek()] == [taken("a"), taken("b"), taken("c")]
        assert inner.commits == 0
        await consumer.commit()
        assert (journal.unfinished["a"].claimed, journal.unfinished["b"].claimed) == (True, True)
        assert list(await consumer.peek()) == []

    asyncio.run(story())


def test_what_somebody_else_has_claimed_is_not_ours(tmp_path: Any) -> None:
    async def story() -> None:
        journal, inner = IntakeJournal.open(tmp_path / "journal"), ByHand(taken("a"))
        consumer = JournalingConsumer(inner, journal)
        await consumer.peek()
        await consumer.commit()
        inner.payloads = [taken("b")]
        await consumer.peek()
        inner.fails = FencedInstance("replaced")
        with pytest.raises(FencedInstance):
            await consumer.commit()
        assert list(journal.unfinished) == ["a"]
        assert not journal.knows("b")

    asyncio.run(story())


def test_a_fenced_consumer_joins_again_where_it_may() -> None:
    async def story() -> None:
        made: list[ByHand] = []
        lost: list[FencedInstance] = []

        def make() -> Any:
            made.append(ByHand(taken(str(len(made)))))
            return made[-1]

        async def may() -> None:
            if lost:
                raise lost[0]

        consumer = RejoiningConsumer(make, may)
        made[0].fails = FencedInstance("a controller has the place")
        with pytest.raises(FencedInstance, match="a controller"):
            await consumer.commit()
        assert (made[0].closed, len(made)) == (True, 2)
        assert [record.payload for record in await consumer.peek()] == [taken("1")]
        made[1].fails = FencedInstance("somebody has the place")
        lost.append(FencedInstance("for good"))
        with pytest.raises(FencedInstance, match="for good"):
            await consumer.commit()
        assert len(made) == 2

    asyncio.run(story())


def test_without_a_journal_it_is_the_consumer_itself() -> None:
    async def story() -> None:
        inner = ByHand(taken("a"))
        consumer = JournalingConsumer(inner, None)
        assert (len(await consumer.peek()), consumer.max_peek) == (1, 8)
        await consumer.commit()
        assert len(await consumer.peek()) == 1

    asyncio.run(story())


def test_commits_go_on_beside_and_not_more_often_than_wanted() -> None:
    async def story() -> None:
        inner = ByHand(b"1")
        consumer = CommitBehind(inner, every=3600)
        for _ in range(5):
            await consumer.peek()
            await consumer.commit()
        assert inner.commits == 1

    asyncio.run(story())


def test_without_a_file_copies_are_known_all_the_same_and_what_came_itself_is_no_copy() -> None:
    async def story() -> None:
        ids = RecentIds(most=2)
        ids.taken([{"activationId": "direct"}])
        inner = ByHand(taken("a"), taken("a"))
        consumer = JournalingConsumer(inner, ids)
        assert [record.payload for record in await consumer.peek()] == [taken("a")]
        assert await consumer.peek() == []
        inner.peek = lambda *_: came(Record("t", DIRECT, 0, 0, taken("direct")))
        assert [record.payload for record in await consumer.peek()] == [taken("direct")]
        ids.taken([{"activationId": "b"}])
        assert (ids.knows("direct"), ids.knows("a"), ids.knows("b")) == (False, True, True)

    async def came(record: Record) -> list[Record]:
        return [record]

    asyncio.run(story())


def test_in_steps_no_more_is_claimed_than_was_handed_over() -> None:
    async def story() -> None:
        broker, topic = MemoryMessaging(), Topics().invoker(0)
        await broker.ensure_topic(topic.name, topic.config)
        for payload in (b"a", b"b", b"c"):
            await broker.producer().send(topic.name, payload)
        consumer = InSteps(broker.consumer(topic.name, "g", 8, "invoker0"), 2)
        assert (consumer.max_peek, await consumer.lag()) == (2, 3)
        assert [record.payload for record in await consumer.peek()] == [b"a", b"b"]
        await consumer.commit()
        assert await consumer.lag() == 1
        other = broker.consumer(topic.name, "g", 8, "invoker0")
        assert [record.payload for record in await other.peek()] == [b"c"]
        assert [record.payload for record in await consumer.peek()] == [b"c"]
        with pytest.raises(FencedInstance):
            await consumer.commit()
        await consumer.close()

    asyncio.run(story())


def test_in_steps_what_was_read_ahead_comes_again_after_a_failure() -> None:
    async def story() -> None:
        inner = ByHand(b"a", b"b", b"c")
        consumer = InSteps(inner, 2)
        assert [record.payload for record in await consumer.peek()] == [b"a", b"b"]
        inner.fails = BrokerUnavailable("away")
        with pytest.raises(BrokerUnavailable):
            await consumer.commit()
        inner.fails = None
        assert [record.payload for record in await consumer.peek()] == [b"a", b"b"]
        await consumer.commit()
        assert [record.payload for record in await consumer.peek()] == [b"c"]
        await consumer.commit()
        assert inner.upto == [b"b", None]

    asyncio.run(story())
