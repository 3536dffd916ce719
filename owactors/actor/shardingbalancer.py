"""The load balancer of a cluster: chooses an invoker by hash and room, and writes to its topic.

Acknowledgements come from this controller's own topic. (OpenWhisk, ShardingContainerPoolBalancer.scala.)
"""

from __future__ import annotations

import random
from typing import Any

from attrs import field, frozen
from thespian.actors import ActorAddress

from owactors.actor import balancerreports as reports
from owactors.actor.io import on
from owactors.actor.loadbalancer import LoadBalancer
from owactors.actor.messaging import MESSAGING
from owactors.actor.topicreader import TopicReader
from owactors.connector.http.provider import HttpFirstMessaging
from owactors.connector.http.ways import Ways
from owactors.connector.port import BrokerUnavailable, NotSent, Producer
from owactors.connector.topics import MAX_MESSAGE_BYTES, Topics
from owactors.core.loadbalancer.outbox import OutboxSettings
from owactors.core.loadbalancer.sharding import ShardingChoice, Wanted
from owactors.core.loadbalancer.slots import ActivationEntry, CompletionKind, CompletionTimeout, Release
from owactors.core.loadbalancer.supervision import InvocationResult, InvokerState
from owactors.entity.errors import DeserializationError
from owactors.entity.instance import ControllerInstanceId, InvokerInstanceId
from owactors.entity.transaction import SYSTEM_PREFIX
from owactors.message.ack import (
    AcknowledgementMessage,
    CombinedCompletionAndResultMessage,
    CompletionMessage,
    ResultMessage,
    acknowledgement_from_json,
)
from owactors.message.activation import ActivationMessage
from owactors.message.loadbalancer import BalancerSetup, Freed, InvokerGone, Publish
from owactors.message.member import ClusterSize
from owactors.message.payload import to_payload
from owactors.message.supervision import InvocationReport, InvokerStates
from owactors.message.unreadable import bare_acknowledgement
from owactors.observe.metrics import METRICS
from owactors.observe.tokens import system_overload

HEALTH_ID = f"{SYSTEM_PREFIX}invokerHealth"
NOT_IN_TIME = "The invoker did not report the end of the activation in time. It may have run."
NOT_SENT = "The activation could not be sent to its invoker"


@frozen(eq=False)
class ShardingSetup(BalancerSetup):
    """The first message to the balancer of a cluster. `memory_min` in MB."""

    supervision: Any = None
    messaging: Any = None
    topics: Topics = Topics()
    instance: ControllerInstanceId = ControllerInstanceId("0")
    managed_fraction: float = 0.9
    blackbox_fraction: float = 0.1
    memory_min: int = 128
    outbox: OutboxSettings = OutboxSettings()


@frozen(eq=False)
class SendFailed:
    """To self: an activation did not get onto its invoker's topic."""

    activation_id: str
    cause: BaseException = field(repr=False)


class ShardingBalancer(LoadBalancer, TopicReader):
    """See the module's text. First message: ShardingSetup."""

    def __init__(self) -> None:
        super().__init__()
        self._sharding = ShardingChoice()
        self._wanted: dict[str, Wanted] = {}
        self._producer: Producer | None = None
        self._states: tuple[tuple[InvokerInstanceId, str], ...] = ()
        #: of calls that go over HTTP first
        self._ways = Ways()

    @on(BalancerSetup)
    def setup(self, message: BalancerSetup, sender: ActorAddress) -> None:
        assert isinstance(message, ShardingSetup)
        self._store, self._supervision, self._topics = message.store, message.supervision, message.topics
        self._timeout = CompletionTimeout(message.timeout_factor, message.timeout_addon)
        self._sharding = ShardingChoice(message.managed_fraction, message.blackbox_fraction, message.memory_min)
        messaging = MESSAGING.get(message.messaging)
        self._producer = messaging.producer(MAX_MESSAGE_BYTES)
        if isinstance(messaging, HttpFirstMessaging):
            self._ways = messaging.ways
        self._controller = message.instance.as_string
        name = str(message.instance)
        self.read_topic(message.messaging, message.topics.completed(message.instance), name)
        self._start_timers()

    def _gauges(self) -> reports.Gauges:
        return {
            **reports.in_flight(self._controller, self._slots, self._wanted),
            **reports.capacity(self._sharding, self._states),
            **reports.http_sends(self._ways.counts),
        }

    def _news(self) -> list[str]:
        return self._ways.news()

    # -- out

    def _choose(self, message: Publish) -> int | None:
        msg = message.msg
        wanted = Wanted(
            namespace=msg.user.namespace.name,
            action=msg.action.doc_id,
            version=str(msg.action.version or ""),
            memory=message.memory,
            concurrency=message.max_concurrent,
            blackbox=message.pull,
        )
        chosen = self._sharding.choose(wanted, random.getrandbits(30))
        if chosen is None:
            return None
        if chosen.overloaded:
            METRICS.count(system_overload("blackBox" if wanted.blackbox else "managed"))
            self.log.warning("%s system is overloaded: invoker%d is chosen by chance", msg.transid, chosen.invoker)
        self._wanted[msg.activation_id] = wanted
        return chosen.invoker

    def _send(self, invoker: int, msg: ActivationMessage) -> None:
        assert self._producer is not None
        activation_id = msg.activation_id
        self.spawn(
            self._producer.send(self._topics.invoker(invoker).name, to_payload(msg.to_json())),
            failed=lambda cause: SendFailed(activation_id, cause),
        )

    @on(SendFailed)
    def not_sent(self, message: SendFailed, sender: ActorAddress) -> None:
        """Its place is free again and whoever waits is refused; after a lost answer it may run all the same."""
        slot = self._slots.withdraw(message.activation_id)
        if slot is None:
            return
        self.log.warning("activation %s was not sent: %s", message.activation_id, message.cause)
        msg, asker = self._messages.pop(message.activation_id)
        self._askers.pop(message.activation_id, None)
        self._give_back(slot)
        self._refuse(msg, f"{NOT_SENT}: {_why(message.cause)}.", asker)

    def _give_back(self, slot: ActivationEntry) -> None:
        wanted = self._wanted.pop(slot.activation_id, None)
        if wanted is not None:
            self._sharding.release(slot.invoker, wanted)

    # -- in

    def received(self, value: Any) -> None:
        """An acknowledgement from the topic. What cannot be read frees its slot if it says which one it was."""
        try:
            ack = acknowledgement_from_json(value)
        except DeserializationError:
            bare = bare_acknowledgement(value)
            if bare is not None and bare.transid.id != HEALTH_ID:
                self._acknowledged(bare)
            raise
        self._acknowledged(ack)

    @on(ResultMessage, CompletionMessage, CombinedCompletionAndResultMessage)
    def acknowledged(self, message: AcknowledgementMessage, sender: ActorAddress) -> None:
        self._acknowledged(message)

    def _acknowledged(self, ack: AcknowledgementMessage) -> None:
        self._do(self._slots.acknowledge(ack))
        if not isinstance(ack, ResultMessage) and ack.transid.id == HEALTH_ID:
            assert isinstance(ack.instance, InvokerInstanceId)
            self._report(ack.instance.instance, _result(ack.is_system_error))

    def _released(self, release: Release, msg: ActivationMessage) -> None:
        self._give_back(release.entry)
        if release.kind is CompletionKind.FORCED:
            self._record_loss(msg, NOT_IN_TIME)
            self._report(release.entry.invoker, InvocationResult.TIMEOUT)
        else:
            self._report(release.entry.invoker, _result(release.is_system_error))

    def _report(self, invoker: int, result: InvocationResult) -> None:
        self.tell(self._supervision, InvocationReport(invoker, result.value))

    # -- the others

    @on(InvokerStates)
    def invokers_are(self, message: InvokerStates, sender: ActorAddress) -> None:
        self._states = message.states
        self.trust_all_but(None)

    def trust_all_but(self, silent: int | None) -> None:
        """Calls go to the invokers that are up, as this controller hears it, and not to the one that is silent."""
        self._sharding.update_invokers(
            [
                (instance.user_memory.to_mb, InvokerState(state).usable and instance.instance != silent)
                for instance, state in self._states
            ]
        )

    @on(ClusterSize)
    def cluster_is(self, message: ClusterSize, sender: ActorAddress) -> None:
        self.log.info("%d controllers share the invokers", message.size)
        self._sharding.update_cluster(message.size)

    @on(InvokerGone)
    def invoker_gone(self, message: InvokerGone, sender: ActorAddress) -> None:
        """It fell silent: what is under way there ends with the cause. That says nothing new of the invoker."""
        for slot in self._slots.of_invoker(message.instance):
            self._end(slot, message.reason)

    def _end(self, slot: ActivationEntry, reason: str) -> None:
        msg, _ = self._messages[slot.activation_id]
        record = self._record_loss(msg, reason)
        ack = ResultMessage(msg.transid, record)
        self._do(self._slots.acknowledge(ack))
        self._slots.withdraw(slot.activation_id)
        self._give_back(slot)
        _, asker = self._messages.pop(slot.activation_id)
        self.tell(asker, Freed(slot.activation_id, slot.namespace_uuid))


def _why(cause: BaseException) -> str:
    if isinstance(cause, NotSent):
        return "the broker is away"
    return "the broker did not confirm it. It may run" if isinstance(cause, BrokerUnavailable) else str(cause)


def _result(is_system_error: bool | None) -> InvocationResult:
    return InvocationResult.SYSTEM_ERROR if is_system_error else InvocationResult.SUCCESS
