"""The MessageFeed: polls a topic no faster than its handler works. (OpenWhisk, MessageConsumer.scala.)

A feed of capacity M hands over at most M messages that are not yet `Processed` and keeps up to 2 M more
at hand, so that a handler which becomes free never waits for a poll.

Each poll is committed before anything of it is handed over: a message is handled at most once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import Enum

from attrs import Factory, define, field, frozen

from owactors.message.feed import FillClosed, FillCompleted, FillDue, FillFailed, Processed, Ready, StopFeed

#: Events and instructions kept for error reports.
STORY_LENGTH = 32


class FeedState(Enum):
    """What the feed does with its topic."""

    IDLE = "Idle"
    FILLING_PIPELINE = "FillingPipeline"
    DRAINING_PIPELINE = "DrainingPipeline"
    STOPPED = "Stopped"


@frozen
class FeedSettings:
    """`capacity` (M) messages handled at a time; a poll returns at most `max_peek` of them.

    `ahead` messages are kept at hand beyond those, 2 M unless said otherwise. `backoff` and `backoff_limit` are the
    seconds of the first and the longest pause after failed polls; each further failure doubles the pause. Raises
    ValueError when a poll would not fit the pipeline.
    """

    description: str
    capacity: int
    max_peek: int
    auto_start: bool = True
    backoff: float = 0.1
    backoff_limit: float = 10.0
    ahead: int | None = None

    def __attrs_post_init__(self) -> None:
        if self.capacity < 1:
            raise ValueError(f"feed {self.description!r}: capacity {self.capacity} is less than 1")
        if not 1 <= self.max_peek <= self.pipeline_depth:
            raise ValueError(
                f"feed {self.description!r}: a poll of {self.max_peek} messages does not fit "
                f"the pipeline of 2 x {self.capacity}"
            )

    @property
    def pipeline_depth(self) -> int:
        """Messages kept at hand at most."""
        return 2 * self.capacity if self.ahead is None else self.ahead

    @property
    def fill_threshold(self) -> int:
        """A poll is started only with at most this many messages at hand."""
        return self.pipeline_depth - self.max_peek


@frozen
class Fill:
    """Poll and commit; answer with FillCompleted or FillFailed. Never two at a time."""


@frozen
class FillLater:
    """Answer with FillDue after `seconds`; `cause` is why the poll failed."""

    seconds: float
    cause: str


@frozen
class Dispatch:
    """Hand this message to the handler, which owes one `Processed` for it."""

    payload: bytes = field(repr=lambda payload: f"<{len(payload)} bytes>")


@frozen
class ReportStopped:
    """Tell whoever stopped the feed that nothing is left."""


FeedEvent = Ready | Processed | FillCompleted | FillFailed | FillClosed | FillDue | StopFeed
FeedInstruction = Fill | FillLater | Dispatch | ReportStopped


class FeedDefect(Exception):
    """An invariant of the feed does not hold; the text has the feed's story."""


@define
class MessageFeed:
    """The machine. Feed it events with `handle`; do what it says, in order."""

    settings: FeedSettings
    state: FeedState = FeedState.IDLE
    handler_capacity: int = Factory(lambda self: self.settings.capacity, takes_self=True)
    outstanding: deque[bytes] = Factory(deque)
    failures: int = 0
    fill_in_flight: bool = False
    story: deque[str] = Factory(lambda: deque(maxlen=STORY_LENGTH))

    def start(self) -> list[FeedInstruction]:
        """What to do at construction: polls at once if the feed starts by itself."""
        return self.handle(Ready()) if self.settings.auto_start else []

    def handle(self, event: FeedEvent) -> list[FeedInstruction]:
        """Take one event; an event that means nothing in this state changes nothing."""
        before = self.state
        transition = TRANSITIONS.get((before, type(event)))
        instructions = transition(self, event) if transition else []
        ignored = "" if transition else " (ignored)"
        self.story.append(f"{before.value}: {type(event).__name__}{ignored} -> {self.state.value}")
        return instructions

    def validate(self) -> None:
        """Raise FeedDefect unless the feed's invariants hold."""
        in_range = 0 <= self.handler_capacity <= self.settings.capacity
        bounded = len(self.outstanding) <= self.settings.pipeline_depth
        idle_handler = not (self.outstanding and self.handler_capacity)
        waits_for_fill = self.state is not FeedState.DRAINING_PIPELINE or not self.fill_in_flight
        if not (in_range and bounded and idle_handler and waits_for_fill):
            raise FeedDefect(f"{self.settings.description}: {self!r}")

    # What the rows are made of.

    def dispatch(self) -> list[FeedInstruction]:
        """Hand over as many messages as the handler has room for."""
        count = min(self.handler_capacity, len(self.outstanding))
        self.handler_capacity -= count
        return [Dispatch(self.outstanding.popleft()) for _ in range(count)]

    def processed(self, count: int) -> list[FeedInstruction]:
        """Take back credit, never more than the capacity, and hand over what waited for it."""
        self.handler_capacity = min(self.settings.capacity, self.handler_capacity + count)
        return self.dispatch()

    def fill_or_drain(self) -> list[FeedInstruction]:
        """Poll if a whole poll fits the pipeline, otherwise let it drain."""
        if len(self.outstanding) > self.settings.fill_threshold:
            self.state = FeedState.DRAINING_PIPELINE
            return []
        self.state = FeedState.FILLING_PIPELINE
        self.fill_in_flight = True
        return [Fill()]

    def accept(self, messages: tuple[bytes, ...]) -> list[FeedInstruction]:
        """Take in what a poll brought."""
        self.fill_in_flight = False
        self.failures = 0
        self.outstanding.extend(messages)
        return self.dispatch()

    def next_pause(self) -> float:
        """Seconds until the next poll after one more failure."""
        pause = self.settings.backoff * 2.0 ** min(self.failures, 30)
        self.failures += 1
        return min(self.settings.backoff_limit, pause)

    def report_if_empty(self) -> list[FeedInstruction]:
        """Of a stopped feed: say so once nothing is polled, at hand or being handled."""
        idle = self.handler_capacity == self.settings.capacity
        return [ReportStopped()] if idle and not self.outstanding and not self.fill_in_flight else []


# The rows, named for state and event.


def idle_ready(feed: MessageFeed, _: Ready) -> list[FeedInstruction]:
    return feed.fill_or_drain()


def filling_processed(feed: MessageFeed, event: Processed) -> list[FeedInstruction]:
    return feed.processed(event.count)


def filling_completed(feed: MessageFeed, event: FillCompleted) -> list[FeedInstruction]:
    return feed.accept(event.messages) + feed.fill_or_drain()


def filling_failed(feed: MessageFeed, event: FillFailed) -> list[FeedInstruction]:
    feed.fill_in_flight = False
    return [FillLater(feed.next_pause(), event.cause)]


def filling_closed(feed: MessageFeed, _: FillClosed) -> list[FeedInstruction]:
    feed.fill_in_flight = False
    return []


def filling_due(feed: MessageFeed, _: FillDue) -> list[FeedInstruction]:
    return [] if feed.fill_in_flight else feed.fill_or_drain()


def draining_processed(feed: MessageFeed, event: Processed) -> list[FeedInstruction]:
    return feed.processed(event.count) + feed.fill_or_drain()


def any_stop(feed: MessageFeed, _: StopFeed) -> list[FeedInstruction]:
    feed.state = FeedState.STOPPED
    return feed.report_if_empty()


def stopped_processed(feed: MessageFeed, event: Processed) -> list[FeedInstruction]:
    return feed.processed(event.count) + feed.report_if_empty()


def stopped_completed(feed: MessageFeed, event: FillCompleted) -> list[FeedInstruction]:
    return feed.accept(event.messages) + feed.report_if_empty()


def stopped_failed(feed: MessageFeed, _: FillFailed | FillClosed) -> list[FeedInstruction]:
    feed.fill_in_flight = False
    return feed.report_if_empty()


Row = Callable[..., list[FeedInstruction]]

#: (state, event) -> row. What is absent is ignored, as the original does.
TRANSITIONS: dict[tuple[FeedState, type[FeedEvent]], Row] = {
    (FeedState.IDLE, Ready): idle_ready,
    (FeedState.IDLE, StopFeed): any_stop,
    (FeedState.FILLING_PIPELINE, Processed): filling_processed,
    (FeedState.FILLING_PIPELINE, FillCompleted): filling_completed,
    (FeedState.FILLING_PIPELINE, FillFailed): filling_failed,
    (FeedState.FILLING_PIPELINE, FillClosed): filling_closed,
    (FeedState.FILLING_PIPELINE, FillDue): filling_due,
    (FeedState.FILLING_PIPELINE, StopFeed): any_stop,
    (FeedState.DRAINING_PIPELINE, Processed): draining_processed,
    (FeedState.DRAINING_PIPELINE, StopFeed): any_stop,
    (FeedState.STOPPED, Processed): stopped_processed,
    (FeedState.STOPPED, FillCompleted): stopped_completed,
    (FeedState.STOPPED, FillFailed): stopped_failed,
    (FeedState.STOPPED, FillClosed): stopped_failed,
    (FeedState.STOPPED, StopFeed): any_stop,
}
