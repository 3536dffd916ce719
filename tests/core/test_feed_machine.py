"""The MessageFeed under random orders of events: no message lost, none twice, credit conserved."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from owactors.core.messagefeed import Dispatch, FeedSettings, Fill, FillLater, MessageFeed, ReportStopped
from owactors.message.feed import FillCompleted, FillDue, FillFailed, Processed, StopFeed


class FeedOrders(RuleBasedStateMachine):
    """A broker, a handler and somebody who stops the feed, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.feed = MessageFeed(FeedSettings("random", capacity=3, max_peek=4))
        self.committed: list[bytes] = []
        self.handed_over: list[bytes] = []
        self.processed = 0
        self.fills = 0
        self.pauses = 0
        self.stopped_reports = 0
        self.stopping = False
        self.follow(self.feed.start())

    def follow(self, instructions: list[object]) -> None:
        for each in instructions:
            match each:
                case Fill():
                    self.fills += 1
                case FillLater():
                    self.pauses += 1
                case Dispatch(payload):
                    self.handed_over.append(payload)
                case ReportStopped():
                    self.stopped_reports += 1

    @precondition(lambda self: self.fills)
    @rule(count=st.integers(0, 4))
    def poll_ends(self, count: int) -> None:
        self.fills -= 1
        batch = tuple(b"%d" % (len(self.committed) + number) for number in range(count))
        self.committed.extend(batch)
        self.follow(self.feed.handle(FillCompleted(batch)))

    @precondition(lambda self: self.fills)
    @rule()
    def poll_fails(self) -> None:
        self.fills -= 1
        self.follow(self.feed.handle(FillFailed("broker away")))

    @precondition(lambda self: self.pauses)
    @rule()
    def pause_ends(self) -> None:
        self.pauses -= 1
        self.follow(self.feed.handle(FillDue()))

    @precondition(lambda self: self.processed < len(self.handed_over))
    @rule(data=st.data())
    def handler_is_done(self, data: st.DataObject) -> None:
        count = data.draw(st.integers(1, len(self.handed_over) - self.processed))
        self.processed += count
        self.follow(self.feed.handle(Processed(count)))

    @precondition(lambda self: not self.stopping)
    @rule(really=st.sampled_from([False, False, False, True]))
    def stop(self, really: bool) -> None:
        if really:
            self.stopping = True
            self.follow(self.feed.handle(StopFeed()))

    @rule()
    def nothing_happens(self) -> None:
        """Keeps a stopped feed from being a dead end."""

    @invariant()
    def nothing_lost_nothing_twice(self) -> None:
        assert self.handed_over + list(self.feed.outstanding) == self.committed

    @invariant()
    def credit_is_conserved(self) -> None:
        assert self.feed.handler_capacity == 3 - (len(self.handed_over) - self.processed)

    @invariant()
    def one_poll_at_a_time(self) -> None:
        assert self.fills + self.pauses <= 1
        self.feed.validate()

    @invariant()
    def reports_stop_once_and_only_when_empty(self) -> None:
        idle = self.processed == len(self.committed) and not self.fills
        assert self.stopped_reports == (1 if self.stopping and idle else 0)


TestFeedOrders = FeedOrders.TestCase
TestFeedOrders.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
