"""The message feed's actor with a consumer of the test."""

from __future__ import annotations

import pytest
from attrs import define, field, frozen

from owactors.actor.messagefeed import LAG, REFILL, FeedSetup, MessageFeed
from owactors.connector.port import BrokerUnavailable, ConnectorClosed, Record
from owactors.core.messagefeed import FeedSettings, FeedState
from owactors.message.feed import FeedStopped, Handle, Processed, Ready, StopFeed
from owactors.observe.metrics import Metrics
from tests.actor.harness import Bench, named

M = 4


@frozen
class Polled:
    payload: bytes


@define
class Topic:
    """A consumer over a list; `log` is what was asked of it, in order."""

    messages: list[bytes] = field(factory=list)
    max_peek: int = M
    topic: str = "test"
    log: list[str] = field(factory=list)
    peek_failure: Exception | None = None
    commit_failure: Exception | None = None
    uncommitted: int = 0

    async def lag(self) -> int:
        return len(self.messages)

    async def peek(self, max_records: int | None = None, timeout: float = 0.5) -> list[Record]:
        self.log.append("peek")
        if self.peek_failure is not None:
            raise self.peek_failure
        batch = self.messages[: self.max_peek]
        self.uncommitted = len(batch)
        return [Record("topic", 0, number, 0, payload) for number, payload in enumerate(batch)]

    async def commit(self, upto: Record | None = None) -> None:
        self.log.append("commit")
        if self.commit_failure is not None:
            raise self.commit_failure
        del self.messages[: self.uncommitted]

    async def close(self) -> None:
        self.log.append("close")


def feeding(topic: Topic, **settings: object) -> Bench:
    bench = Bench(MessageFeed)
    about = FeedSettings("test", M, topic.max_peek, **settings)
    bench.give(FeedSetup(about, topic, named("handler")))
    return bench


def polls(bench: Bench) -> None:
    """Every open poll is answered, until the feed wants no more or the topic is empty."""
    bench.work("fill").run()


def handled(bench: Bench) -> list[bytes]:
    return [message.payload for message in bench.sent_to("handler") if isinstance(message, Handle)]


def state(bench: Bench) -> FeedState:
    bench.actor._machine.validate()
    return bench.actor._machine.state


def numbers(count: int) -> list[bytes]:
    return [b"%d" % number for number in range(count)]


@pytest.mark.scenario("MF-01")
def test_without_auto_start_the_feed_waits_for_ready() -> None:
    topic = Topic(numbers(1))
    bench = feeding(topic, auto_start=False)
    bench.give(Processed())
    assert bench.works == []
    bench.give(Ready())
    polls(bench)
    assert handled(bench) == [b"0"]


@pytest.mark.scenario("MF-02")
def test_the_feed_polls_unasked() -> None:
    bench = feeding(Topic(numbers(2)))
    polls(bench)
    assert handled(bench) == numbers(2)


@pytest.mark.scenario("MF-03")
@pytest.mark.scenario("MF-04")
def test_the_feed_reads_no_faster_than_its_handler_works() -> None:
    topic = Topic(numbers(2 * M + 2))
    bench = feeding(topic)
    for _ in range(3):
        polls(bench)
    assert (handled(bench), state(bench)) == (numbers(M), FeedState.DRAINING_PIPELINE)
    assert bench.works == []
    bench.give(Processed(), "handler")
    assert bench.works == []
    bench.give(Processed(), "handler")
    topic.messages.append(b"last")
    polls(bench)
    assert (handled(bench), state(bench)) == (numbers(M + 2), FeedState.DRAINING_PIPELINE)


@pytest.mark.scenario("MF-06")
def test_after_a_failed_poll_the_feed_pauses_and_tries_again() -> None:
    topic = Topic(numbers(1), peek_failure=ConnectionError("broker away"))
    bench = feeding(topic, backoff=0.5)
    polls(bench)
    assert handled(bench) == []
    assert bench.timers[REFILL] == 0.5
    topic.peek_failure = None
    bench.fire(REFILL)
    polls(bench)
    assert handled(bench) == numbers(1)


def test_a_closed_consumer_is_not_asked_again_and_the_feed_can_be_stopped(caplog: pytest.LogCaptureFixture) -> None:
    bench = feeding(Topic(peek_failure=ConnectorClosed("closed")))
    polls(bench)
    assert (bench.works, REFILL in bench.timers, caplog.records) == ([], False, [])
    bench.give(StopFeed(), "invoker")
    assert bench.sent_to("invoker") == [FeedStopped()]


@pytest.mark.scenario("MF-07")
def test_more_processed_than_handled_does_not_raise_the_capacity() -> None:
    bench = feeding(Topic(numbers(2 * M)))
    bench.give(Processed(3))
    polls(bench)
    polls(bench)
    assert handled(bench) == numbers(M)


@pytest.mark.scenario("WIRE-08")
@pytest.mark.scenario("MF-08")
def test_each_poll_is_committed_once_before_anything_is_handed_over() -> None:
    topic = Topic(numbers(2))
    bench = feeding(topic)
    assert topic.log == []
    polls(bench)
    assert topic.log == ["peek", "commit"]
    assert len(handled(bench)) == 2


@pytest.mark.scenario("MF-09")
def test_what_could_not_be_committed_is_polled_again() -> None:
    topic = Topic(numbers(2), commit_failure=ConnectionError("no coordinator"))
    bench = feeding(topic)
    polls(bench)
    assert handled(bench) == []
    topic.commit_failure = None
    bench.fire(REFILL)
    polls(bench)
    assert handled(bench) == numbers(2)


def test_an_empty_poll_is_not_committed() -> None:
    topic = Topic()
    bench = feeding(topic)
    polls(bench)
    assert topic.log == ["peek"]
    assert len(bench.works) == 1


def test_a_stopped_feed_says_when_nothing_is_left() -> None:
    bench = feeding(Topic(numbers(1)))
    bench.give(StopFeed(), "invoker")
    polls(bench)
    assert bench.sent_to("invoker") == []
    bench.give(Processed(), "handler")
    assert bench.sent_to("invoker") == [FeedStopped()]
    assert bench.works == []


def test_once_something_came_a_gauge_tells_how_far_the_feed_is_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    metrics = Metrics()
    monkeypatch.setattr("owactors.actor.messagefeed.METRICS", metrics)
    topic = Topic([])
    bench = feeding(topic)
    assert bench.timers[LAG] == 10
    polls(bench)
    bench.fire(LAG)
    assert metrics.snapshot().gauges == {}
    topic.messages.extend(numbers(M + 3))
    polls(bench)
    bench.fire(LAG)
    bench.work("measure").run()
    assert metrics.snapshot().gauges == {("kafka_topic_counter", (("topic", "test"),)): 3}
    assert bench.timers[LAG] == 60


def test_a_gauge_that_cannot_be_told_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    async def away() -> int:
        raise BrokerUnavailable("away")

    topic = Topic(numbers(1))
    bench = feeding(topic)
    polls(bench)
    monkeypatch.setattr(Topic, "lag", lambda self: away())
    bench.fire(LAG)
    bench.work("measure").run()
    assert handled(bench) == numbers(1)
