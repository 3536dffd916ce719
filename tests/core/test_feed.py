"""The MessageFeed's machine, event by event."""

from __future__ import annotations

import pytest

from owactors.core.messagefeed import (
    Dispatch,
    FeedSettings,
    FeedState,
    Fill,
    FillLater,
    MessageFeed,
    ReportStopped,
)
from owactors.message.feed import FillClosed, FillCompleted, FillDue, FillFailed, Processed, Ready, StopFeed

M = 4


def feed(**settings: object) -> MessageFeed:
    """A feed of capacity 4 that polls up to 4 messages."""
    return MessageFeed(FeedSettings(**{"description": "test", "capacity": M, "max_peek": M, **settings}))


def messages(count: int, first: int = 0) -> tuple[bytes, ...]:
    return tuple(b"%d" % number for number in range(first, first + count))


def dispatched(instructions: list[object]) -> list[bytes]:
    return [each.payload for each in instructions if isinstance(each, Dispatch)]


@pytest.mark.scenario("MF-01")
def test_a_feed_that_does_not_start_by_itself_stays_idle_until_ready() -> None:
    machine = feed(auto_start=False)
    assert machine.start() == []
    assert machine.handle(FillDue()) == []
    assert machine.handle(Processed()) == []
    assert machine.state is FeedState.IDLE
    assert machine.handle(Ready()) == [Fill()]
    assert machine.state is FeedState.FILLING_PIPELINE


@pytest.mark.scenario("MF-02")
def test_a_feed_polls_unasked() -> None:
    machine = feed()
    assert machine.start() == [Fill()]
    assert machine.state is FeedState.FILLING_PIPELINE


@pytest.mark.scenario("MF-03")
def test_with_2m_and_1_messages_m_are_handled_and_polling_stops() -> None:
    machine = feed()
    machine.start()
    first = machine.handle(FillCompleted(messages(4)))
    assert dispatched(first) == list(messages(4))
    assert first[-1] == Fill()
    assert machine.handle(FillCompleted(messages(4, 4))) == [Fill()]
    assert machine.handle(FillCompleted(messages(1, 8))) == []
    assert machine.state is FeedState.DRAINING_PIPELINE
    assert list(machine.outstanding) == list(messages(5, 4))


@pytest.mark.scenario("MF-04")
def test_draining_until_a_whole_poll_fits_again() -> None:
    machine = feed()
    machine.start()
    for event in (messages(4), messages(4, 4), messages(2, 8)):
        machine.handle(FillCompleted(event))
    assert machine.state is FeedState.DRAINING_PIPELINE
    assert dispatched(machine.handle(Processed())) == [b"4"]
    assert machine.state is FeedState.DRAINING_PIPELINE
    second = machine.handle(Processed())
    assert dispatched(second) == [b"5"]
    assert second[-1] == Fill()
    assert machine.state is FeedState.FILLING_PIPELINE
    assert machine.handle(FillCompleted(messages(1, 10))) == []
    assert machine.state is FeedState.DRAINING_PIPELINE


@pytest.mark.scenario("MF-05")
@pytest.mark.parametrize("settings", [{"max_peek": 2 * M + 1}, {"max_peek": 0}, {"capacity": 0}])
def test_a_poll_that_does_not_fit_the_pipeline_is_rejected(settings: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="feed 'test'"):
        feed(**settings)


@pytest.mark.scenario("MF-06")
def test_failed_polls_pause_longer_and_longer_and_success_forgets_them() -> None:
    machine = feed(backoff=0.1, backoff_limit=0.35)
    machine.start()
    pauses = []
    for _ in range(4):
        [later] = machine.handle(FillFailed("broker away"))
        assert isinstance(later, FillLater)
        assert later.cause == "broker away"
        pauses.append(later.seconds)
        assert machine.handle(FillDue()) == [Fill()]
    assert pauses == [0.1, 0.2, 0.35, 0.35]
    machine.handle(FillCompleted(()))
    assert machine.handle(FillFailed("again")) == [FillLater(0.1, "again")]


@pytest.mark.scenario("MF-07")
def test_credit_never_exceeds_the_capacity() -> None:
    machine = feed()
    machine.start()
    machine.handle(Processed(3))
    assert machine.handler_capacity == M


@pytest.mark.scenario("MF-09")
def test_a_batch_that_could_not_be_committed_is_not_handed_over() -> None:
    machine = feed()
    machine.start()
    assert dispatched(machine.handle(FillFailed("commit refused"))) == []
    machine.handle(FillDue())
    assert dispatched(machine.handle(FillCompleted(messages(2)))) == list(messages(2))


def test_a_second_fill_due_does_not_poll_twice() -> None:
    machine = feed()
    machine.start()
    machine.handle(FillFailed("x"))
    assert machine.handle(FillDue()) == [Fill()]
    assert machine.handle(FillDue()) == []


def test_a_stopped_feed_hands_over_what_was_committed_then_reports() -> None:
    machine = feed()
    machine.start()
    machine.handle(FillCompleted(messages(4)))
    assert machine.handle(StopFeed()) == []
    assert machine.handle(FillCompleted(messages(2, 4))) == []
    assert dispatched(machine.handle(Processed(2))) == [b"4", b"5"]
    assert machine.handle(Processed(3)) == []
    assert machine.handle(Processed()) == [ReportStopped()]


def test_a_stopped_feed_waits_for_a_poll_that_fails() -> None:
    machine = feed()
    machine.start()
    assert machine.handle(StopFeed()) == []
    assert machine.handle(FillFailed("away")) == [ReportStopped()]
    assert machine.handle(StopFeed()) == [ReportStopped()]


def test_an_idle_feed_stops_at_once() -> None:
    assert feed(auto_start=False).handle(StopFeed()) == [ReportStopped()]


def test_processed_needs_a_positive_count() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Processed(0)


def test_the_story_tells_what_was_ignored() -> None:
    machine = feed(auto_start=False)
    machine.handle(Processed())
    assert list(machine.story) == ["Idle: Processed (ignored) -> Idle"]


def test_with_a_closed_consumer_nothing_is_polled_any_more_and_the_feed_can_stop() -> None:
    machine = feed()
    machine.start()
    machine.handle(FillCompleted(messages(1)))
    assert machine.handle(FillClosed()) == []
    assert machine.handle(Processed()) == []
    machine.validate()
    assert machine.handle(StopFeed()) == [ReportStopped()]


def test_a_stopped_feed_whose_consumer_is_closed_says_so() -> None:
    machine = feed()
    machine.start()
    assert machine.handle(StopFeed()) == []
    assert machine.handle(FillClosed()) == [ReportStopped()]
