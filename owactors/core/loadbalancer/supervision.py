"""Which invokers may be used: each sends pings, and completions tell whether what runs there goes well.

One machine per invoker and a pool of them; `handle(event)` answers with what is to be done. Times in seconds.
(OpenWhisk, InvokerSupervision.scala.)
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import Enum
from math import inf

from attrs import define, evolve, field, frozen

from owactors.entity.instance import InvokerInstanceId
from owactors.entity.size import ByteSize

#: Results that are looked at, and how many bad ones of them are tolerated.
BUFFER_SIZE, TOLERANCE = 10, 3
#: Silence after which an invoker is taken for dead, and the pause between two test actions.
PING_TIMEOUT, TEST_INTERVAL = 10.0, 60.0
#: An invoker that came back is tested a second time so much later: on the way to one that had been cut off the first
#: test action may be lost.
SECOND_TEST = 10.0
#: OpenWhisk's invokers say once that they want no work, ours may go on saying so, each second
REPEATED = 3.0


class InvokerState(Enum):
    """The values are what the API shows."""

    HEALTHY = "up"
    UNHEALTHY = "unhealthy"
    UNRESPONSIVE = "unresponsive"
    OFFLINE = "down"

    @property
    def usable(self) -> bool:
        """Only an invoker that is up gets work."""
        return self is InvokerState.HEALTHY


class InvocationResult(Enum):
    """What a completion, or its absence, says of the invoker."""

    SUCCESS = "success"
    SYSTEM_ERROR = "systemError"
    TIMEOUT = "timeout"


@frozen
class Pinged:
    """An invoker said that it lives, and whether it takes work."""

    instance: InvokerInstanceId
    enabled: bool
    now: float


@frozen
class InvocationFinished:
    """An activation on the invoker came to an end, or did not in time."""

    invoker: int
    result: InvocationResult
    now: float


@frozen
class Tick:
    """Time passed: whoever was silent too long is down, test actions may be due."""

    now: float


@frozen
class SendTestAction:
    """Have the invoker run the health test action."""

    invoker: InvokerInstanceId


@frozen
class ReportState:
    """The state of an invoker changed, or its identity did."""

    invoker: InvokerInstanceId
    before: InvokerState
    state: InvokerState


@frozen
class ReportSilence:
    """An invoker that wanted no more work was heard of no more: what it still had will not be reported."""

    invoker: InvokerInstanceId


SupervisionEvent = Pinged | InvocationFinished | Tick
SupervisionInstruction = SendTestAction | ReportState | ReportSilence

_TESTED = frozenset({InvokerState.UNHEALTHY, InvokerState.UNRESPONSIVE})


@define
class InvokerHealth:
    """One invoker: its state, its last results, and when it was heard of."""

    instance: InvokerInstanceId
    state: InvokerState = InvokerState.OFFLINE
    heard: float = 0.0
    test_due: float = 0.0
    second_test: float = inf
    #: when it said last that it wants no work
    declined: float | None = None
    #: it goes on saying so, so that its silence means something
    winding_down: bool = False
    results: deque[InvocationResult] = field(factory=lambda: deque(maxlen=BUFFER_SIZE))

    def pinged(self, enabled: bool, now: float) -> list[SupervisionInstruction]:
        """Down and enabled: not trusted until a test action succeeded. Not enabled: down."""
        self.heard = now
        if not enabled:
            self.winding_down = self.declined is not None and now - self.declined < REPEATED
            self.declined = now
            return self.goto(InvokerState.OFFLINE, now)
        self.declined, self.winding_down = None, False
        if self.state is InvokerState.OFFLINE:
            self.second_test = now + SECOND_TEST
            return self.goto(InvokerState.UNHEALTHY, now)
        return []

    def finished(self, result: InvocationResult, now: float) -> list[SupervisionInstruction]:
        """Look at the last results, of which this is the newest."""
        self.results.append(result)
        if self.state is InvokerState.OFFLINE:
            return []
        self.heard = now
        before = self.state
        out = self.goto(self._judged(result), now)
        retest = before is InvokerState.UNHEALTHY and self.state is before and result is InvocationResult.SUCCESS
        return [*out, *self._test(now)] if retest else out

    def tick(self, now: float) -> list[SupervisionInstruction]:
        """Silence, or time for a test."""
        if self.state is InvokerState.OFFLINE:
            return self._wound_down(now)
        if now - self.heard >= PING_TIMEOUT:
            return self.goto(InvokerState.OFFLINE, now)
        if self.state in _TESTED and now >= self.second_test:
            self.second_test = inf
            return [SendTestAction(self.instance)]
        return self._test(now) if self.state in _TESTED and now >= self.test_due else []

    def _wound_down(self, now: float) -> list[SupervisionInstruction]:
        if not self.winding_down or now - self.heard < PING_TIMEOUT:
            return []
        self.winding_down = False
        return [ReportSilence(self.instance)]

    def goto(self, state: InvokerState, now: float) -> list[SupervisionInstruction]:
        """Change the state; an invoker that is not trusted is tested at once."""
        if state is self.state:
            return []
        before, self.state = self.state, state
        out: list[SupervisionInstruction] = [ReportState(self.instance, before, state)]
        return [*out, *self._test(now)] if state in _TESTED else out

    def _judged(self, newest: InvocationResult) -> InvokerState:
        if self.state is InvokerState.HEALTHY and newest is InvocationResult.SUCCESS:
            return self.state
        if self.results.count(InvocationResult.SYSTEM_ERROR) > TOLERANCE:
            return InvokerState.UNHEALTHY
        if self.results.count(InvocationResult.TIMEOUT) > TOLERANCE:
            return InvokerState.UNRESPONSIVE
        if newest is InvocationResult.SUCCESS:
            return InvokerState.HEALTHY
        if len(self.results) > TOLERANCE:
            return self.state
        return InvokerState.UNHEALTHY if newest is InvocationResult.SYSTEM_ERROR else InvokerState.UNRESPONSIVE

    def _test(self, now: float) -> list[SupervisionInstruction]:
        self.test_due = now + TEST_INTERVAL
        return [SendTestAction(self.instance)]


@define
class InvokerSupervision:
    """All invokers by number. The list never shrinks; numbers that were not heard of are down."""

    invokers: list[InvokerHealth] = field(factory=list)

    def handle(self, event: SupervisionEvent) -> list[SupervisionInstruction]:
        """Take one event."""
        return ROWS[type(event)](self, event)

    @property
    def states(self) -> list[tuple[InvokerInstanceId, InvokerState]]:
        """Everybody, by number."""
        return [(health.instance, health.state) for health in self.invokers]

    def pinged(self, event: Pinged) -> list[SupervisionInstruction]:
        """An invoker that restarted may have another identity under its number."""
        while len(self.invokers) <= event.instance.instance:
            placeholder = InvokerInstanceId(len(self.invokers), ByteSize(0))
            self.invokers.append(InvokerHealth(placeholder))
        health = self.invokers[event.instance.instance]
        known = evolve(health.instance, busy_memory=None) == evolve(event.instance, busy_memory=None)
        health.instance = event.instance
        out = health.pinged(event.enabled, event.now)
        if known or out:
            return out
        return [ReportState(health.instance, health.state, health.state)]

    def finished(self, event: InvocationFinished) -> list[SupervisionInstruction]:
        """A result of an invoker that never pinged says nothing."""
        if not 0 <= event.invoker < len(self.invokers):
            return []
        return self.invokers[event.invoker].finished(event.result, event.now)

    def tick(self, event: Tick) -> list[SupervisionInstruction]:
        """For everybody."""
        return [each for health in self.invokers for each in health.tick(event.now)]


ROWS: dict[type[SupervisionEvent], Callable[..., list[SupervisionInstruction]]] = {
    Pinged: InvokerSupervision.pinged,
    InvocationFinished: InvokerSupervision.finished,
    Tick: InvokerSupervision.tick,
}
