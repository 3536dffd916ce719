"""The message feed's actor: polls a consumer and hands messages to a handler. (OpenWhisk, MessageConsumer.scala.)"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Protocol

from attrs import frozen
from thespian.actors import ActorAddress

from owactors.actor.io import IoActor, on
from owactors.actor.messaging import MESSAGING
from owactors.connector.port import ConnectorClosed, ConnectorError
from owactors.core import messagefeed as core
from owactors.core.messagefeed import FeedEvent, FeedInstruction, FeedSettings
from owactors.message.feed import (
    FeedStopped,
    FillClosed,
    FillCompleted,
    FillDue,
    FillFailed,
    Handle,
    Processed,
    Ready,
    StopFeed,
)
from owactors.observe.metrics import METRICS
from owactors.observe.tokens import topic_lag

REFILL, LAG = "refill", "lag"
#: seconds from the start to the first look at how far the feed is behind; the interval is `MESSAGING`'s
FIRST_LAG = 10.0


class Polled(Protocol):
    """A record of a topic."""

    @property
    def payload(self) -> bytes: ...


class FeedConsumer(Protocol):
    """What a feed needs of a consumer; every one of `owactors.connector` has it."""

    @property
    def topic(self) -> str: ...

    @property
    def max_peek(self) -> int: ...

    async def lag(self) -> int: ...

    async def peek(self, max_records: int | None = None, timeout: float = 0.5) -> Sequence[Polled]: ...

    async def commit(self) -> None: ...


@frozen(eq=False)
class FeedSetup:
    """The first message to a feed. `consumer` is of this process; `handler` gets `Handle` and answers `Processed`.

    A poll waits at most `long_poll` seconds for messages.
    """

    settings: FeedSettings
    consumer: FeedConsumer
    handler: Any
    long_poll: float = 1.0


@frozen
class _LagDue:
    """To self: see how far the feed is behind."""


class MessageFeed(IoActor):
    """First message: FeedSetup. `StopFeed` is answered with `FeedStopped` when nothing is left.

    Once something came, the gauge `kafka_topic_counter` tells what is on the topic and was not polled.
    """

    _does: ClassVar[dict[type, Callable[[MessageFeed, Any], None]]] = {}

    def __init__(self) -> None:
        super().__init__()
        self._machine: core.MessageFeed | None = None
        self._setup: FeedSetup | None = None
        self._stopper: ActorAddress | None = None
        self._consumed = False

    @on(FeedSetup)
    def _set_up(self, message: FeedSetup, sender: ActorAddress) -> None:
        self._setup = message
        self.start_timer(LAG, FIRST_LAG, _LagDue())
        self._machine = core.MessageFeed(message.settings)
        self._do(self._machine.start())

    @on(Ready, Processed, FillCompleted, FillFailed, FillClosed, FillDue)
    def _event(self, message: FeedEvent, sender: ActorAddress) -> None:
        self._feed(message)

    @on(_LagDue)
    def _lag_due(self, message: _LagDue, sender: ActorAddress) -> None:
        self.start_timer(LAG, MESSAGING.lag_interval, message)
        if self._consumed and METRICS.enabled:
            self.spawn(measure(self._needed().consumer), name=LAG)

    @on(StopFeed)
    def _stop_feed(self, message: StopFeed, sender: ActorAddress) -> None:
        self._stopper = sender
        self._feed(message)

    def _feed(self, event: FeedEvent) -> None:
        self._consumed = self._consumed or (isinstance(event, FillCompleted) and bool(event.messages))
        if self._machine is None:
            raise RuntimeError(f"{type(event).__name__} before FeedSetup")
        self._do(self._machine.handle(event))

    def _do(self, instructions: list[FeedInstruction]) -> None:
        for instruction in instructions:
            self._does[type(instruction)](self, instruction)

    def _needed(self) -> FeedSetup:
        if self._setup is None:
            raise RuntimeError("no FeedSetup yet")
        return self._setup

    def _fill(self, instruction: core.Fill) -> None:
        setup = self._needed()
        self.spawn(
            fill(setup.consumer, setup.long_poll),
            done=FillCompleted,
            failed=lambda cause: (
                FillClosed() if isinstance(cause, ConnectorClosed) else FillFailed(str(cause) or repr(cause))
            ),
        )

    def _fill_later(self, instruction: core.FillLater) -> None:
        setup, seconds = self._needed(), instruction.seconds
        what = setup.settings.description
        self.log.warning("feed %s: polling failed, next try in %.1f s: %s", what, seconds, instruction.cause)
        self.start_timer(REFILL, seconds, FillDue())

    def _dispatch(self, instruction: core.Dispatch) -> None:
        self.tell(self._needed().handler, Handle(instruction.payload))

    def _report_stopped(self, instruction: core.ReportStopped) -> None:
        self.tell(self._stopper, FeedStopped())


async def fill(consumer: FeedConsumer, long_poll: float) -> tuple[bytes, ...]:
    """Poll, and commit before anything is handed over: each message is handled at most once."""
    records = await consumer.peek(timeout=long_poll)
    if records:
        await consumer.commit()
    return tuple(record.payload for record in records)


async def measure(consumer: FeedConsumer) -> None:
    """Sets the gauge of how far this consumer is behind; while that cannot be told it stays as it was."""
    try:
        METRICS.gauge(topic_lag(consumer.topic), await consumer.lag())
    except ConnectorError:
        pass


MessageFeed._does = {
    core.Fill: MessageFeed._fill,
    core.FillLater: MessageFeed._fill_later,
    core.Dispatch: MessageFeed._dispatch,
    core.ReportStopped: MessageFeed._report_stopped,
}
