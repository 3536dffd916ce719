"""Watches the invokers: their pings, and what becomes of the activations there. (OpenWhisk, InvokerSupervision.scala.)

Time is that of the bus (`core.loadbalancer.busclock`): an invoker that cannot be heard because the broker is away is
not taken for dead.
"""

from __future__ import annotations

import secrets
import string
import time
import uuid
from typing import Any

from attrs import field, frozen
from thespian.actors import ActorAddress

from owactors.actor.io import on
from owactors.actor.messaging import MESSAGING
from owactors.actor.topicreader import SIGNS_EVERY, TopicReader
from owactors.connector.topics import MAX_MESSAGE_BYTES, Topics
from owactors.core.loadbalancer.healthaction import health_identity, health_message
from owactors.core.loadbalancer.supervision import (
    PING_TIMEOUT,
    InvocationFinished,
    InvocationResult,
    InvokerState,
    InvokerSupervision,
    Pinged,
    ReportSilence,
    ReportState,
    SendTestAction,
    SupervisionEvent,
    Tick,
)
from owactors.entity.instance import ControllerInstanceId, InvokerInstanceId
from owactors.message.health import PingMessage
from owactors.message.loadbalancer import InvokerGone
from owactors.message.member import BusTick
from owactors.message.payload import to_payload
from owactors.message.supervision import InvocationReport, InvokerStates
from owactors.observe.metrics import METRICS
from owactors.observe.tokens import invoker_state

TEST_AGAIN = 1.0
SILENT = "The invoker was not heard of for {:g} s while the activation was under way there. It may have run."


@frozen(eq=False)
class SupervisionSetup:
    """The first message. `balancer` and `controller` get the states."""

    balancer: Any
    controller: Any
    messaging: Any
    topics: Topics
    instance: ControllerInstanceId


@frozen(eq=False)
class _TestNotSent:
    """To self: an invoker cannot be tested."""

    invoker: InvokerInstanceId
    cause: BaseException = field(repr=False)


@frozen
class _TestAgain:
    """To self."""

    invoker: InvokerInstanceId


class Supervision(TopicReader):
    """See the module's text."""

    def __init__(self) -> None:
        super().__init__()
        self._machine = InvokerSupervision()
        self._now = 0.0
        self._started = int(time.time() * 1000)
        self._user = health_identity(
            str(uuid.uuid4()), "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(64))
        )

    @on(SupervisionSetup)
    def setup(self, message: SupervisionSetup, sender: ActorAddress) -> None:
        self._setup = message
        self._producer = MESSAGING.get(message.messaging).producer(MAX_MESSAGE_BYTES)
        topic = message.topics.health(message.instance)
        self.read_topic(message.messaging, topic, str(message.instance), from_now=True, every=SIGNS_EVERY)

    def received(self, value: Any) -> None:
        """A ping."""
        ping = PingMessage.from_json(value)
        self._event(Pinged(ping.instance, ping.is_enabled, self._now))

    @on(InvocationReport)
    def finished(self, message: InvocationReport, sender: ActorAddress) -> None:
        self._event(InvocationFinished(message.invoker, InvocationResult(message.result), self._now))

    @on(BusTick)
    def tick(self, message: BusTick, sender: ActorAddress) -> None:
        self._now = message.now
        gone = self._event(Tick(message.now))
        for instance in gone:
            self.tell(self._setup.balancer, InvokerGone(instance.instance, SILENT.format(PING_TIMEOUT)))

    def _event(self, event: SupervisionEvent) -> list[InvokerInstanceId]:
        """The invokers that are down from now on."""
        gone, changed = [], False
        for instruction in self._machine.handle(event):
            if isinstance(instruction, SendTestAction):
                self._test(instruction.invoker)
            elif isinstance(instruction, ReportSilence):
                gone.append(instruction.invoker)
            elif isinstance(instruction, ReportState):
                changed = True
                if instruction.state is not InvokerState.HEALTHY and instruction.state is not instruction.before:
                    METRICS.count(invoker_state(instruction.state.value))
                self.log.info(
                    "%s is %s, was %s", instruction.invoker, instruction.state.value, instruction.before.value
                )
                if instruction.state is InvokerState.OFFLINE and instruction.before is not InvokerState.OFFLINE:
                    gone.append(instruction.invoker)
        if changed:
            self._tell_states()
        return gone

    def _tell_states(self) -> None:
        states = InvokerStates(tuple((instance, state.value) for instance, state in self._machine.states))
        self.tell(self._setup.balancer, states)
        self.tell(self._setup.controller, states)

    def _test(self, invoker: InvokerInstanceId) -> None:
        message = health_message(self._setup.instance, self._user, self._started)
        self.spawn(
            self._producer.send(self._setup.topics.invoker(invoker.instance).name, to_payload(message.to_json())),
            failed=lambda cause: _TestNotSent(invoker, cause),
        )

    @on(_TestNotSent)
    def test_not_sent(self, message: _TestNotSent, sender: ActorAddress) -> None:
        """Its topic may not be there yet, or the broker is away: tried again soon, as long as it is not trusted."""
        self.log.warning("%s cannot be tested: %s", message.invoker, message.cause)
        self.start_timer(f"test {message.invoker.instance}", TEST_AGAIN, _TestAgain(message.invoker))

    @on(_TestAgain)
    def test_again(self, message: _TestAgain, sender: ActorAddress) -> None:
        _, state = self._machine.states[message.invoker.instance]
        if state in (InvokerState.UNHEALTHY, InvokerState.UNRESPONSIVE):
            self._test(message.invoker)
