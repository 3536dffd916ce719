"""The lean load balancer: hands each activation to the node's invoker and sees that every one is answered."""

from __future__ import annotations

import logging
import time

from thespian.actors import ActorAddress

from owactors.actor import balancerreports as reports
from owactors.actor.io import IoActor, on
from owactors.core.invoker.fallback import fallback_activation
from owactors.core.loadbalancer.lean import LeanChoice
from owactors.core.loadbalancer.slots import (
    ActivationEntry,
    ActivationSlots,
    CompletionKind,
    CompletionTimeout,
    Instruction,
    Observe,
    Release,
    Resolve,
)
from owactors.entity.activation import ActivationResponse, WhiskActivation
from owactors.message.ack import AcknowledgementMessage, CombinedCompletionAndResultMessage, CompletionMessage
from owactors.message.ack import ResultMessage as ResultAck
from owactors.message.activation import ActivationMessage
from owactors.message.container import StoreActivation
from owactors.message.loadbalancer import (
    Answer,
    BalancerSetup,
    Freed,
    InvokerGone,
    InvokerUp,
    Publish,
    Refused,
)
from owactors.observe.metrics import METRICS
from owactors.observe.stories import STORIES
from owactors.observe.tokens import LOADBALANCER_ACTIVATIONS, completion_ack

logger = logging.getLogger(__name__)
SWEEP_SECONDS = 5.0
NO_INVOKERS = "No invokers available"


class _Sweep:
    """Time to look for completions that did not come."""


class _Report:
    """To self: time to set the gauges."""


class LoadBalancer(IoActor):
    """Publish in, Answer out; slots, counters and completion times are `core.loadbalancer.slots`."""

    def __init__(self) -> None:
        super().__init__()
        self._slots = ActivationSlots()
        self._choice = LeanChoice()
        self._timeout = CompletionTimeout()
        self._invokers: dict[int, ActorAddress] = {}
        self._messages: dict[str, tuple[ActivationMessage, ActorAddress]] = {}
        self._askers: dict[str, ActorAddress] = {}
        self._store: ActorAddress | None = None
        #: of the controller, for the names of its figures
        self._controller = "0"

    @on(BalancerSetup)
    def setup(self, message: BalancerSetup, sender: ActorAddress) -> None:
        self._store = message.store
        self._timeout = CompletionTimeout(message.timeout_factor, message.timeout_addon)
        self._start_timers()

    def _start_timers(self) -> None:
        self.start_timer("sweep", SWEEP_SECONDS, _Sweep())
        self.start_timer("report", reports.REPORT_SECONDS, _Report())

    @on(_Report)
    def report(self, message: _Report, sender: ActorAddress) -> None:
        self.start_timer("report", reports.REPORT_SECONDS, message)
        if METRICS.enabled:
            reports.set_gauges(self._gauges())
        for line in self._news():
            self.log.info("%s", line)

    def _news(self) -> list[str]:
        """What is worth a line in the log since the last report."""
        return []

    def _gauges(self) -> reports.Gauges:
        return reports.in_flight(self._controller, self._slots)

    @on(Publish)
    def publish(self, message: Publish, sender: ActorAddress) -> None:
        invoker = self._choose(message)
        if invoker is None:
            self._refuse(message.msg, NO_INVOKERS, sender)
            return
        self._slots.take(self._entry(message, invoker))
        METRICS.count(LOADBALANCER_ACTIVATIONS)
        self._messages[message.msg.activation_id] = (message.msg, sender)
        STORIES.note(message.msg.activation_id, "load balancer", "sent to invoker%s", invoker)
        if message.msg.blocking:
            self._askers[message.msg.activation_id] = sender
        self._send(invoker, message.msg)

    def _choose(self, message: Publish) -> int | None:
        """The number of the invoker that gets it, None while there is none."""
        return self._choice.choose()

    def _send(self, invoker: int, msg: ActivationMessage) -> None:
        self.tell(self._invokers[invoker], msg)

    def _refuse(self, msg: ActivationMessage, reason: str, sender: ActorAddress) -> None:
        """Whoever waits gets the reason; an accepted call that nobody waits for gets its record."""
        if not msg.blocking:
            self._record_loss(msg, reason)
        self.tell(sender, Refused(msg.activation_id, reason, msg.user.namespace.uuid))

    def _record_loss(self, msg: ActivationMessage, reason: str) -> WhiskActivation:
        record = fallback_activation(msg, ActivationResponse.whisk_error(reason), int(time.time() * 1000))
        if self._store is not None:
            self.tell(self._store, StoreActivation(msg.transid, record, msg.user, msg.blocking))
        return record

    def _entry(self, message: Publish, invoker: int) -> ActivationEntry:
        msg, patience = message.msg, self._timeout.seconds(message.time_limit)
        return ActivationEntry(
            activation_id=msg.activation_id,
            namespace_uuid=msg.user.namespace.uuid,
            invoker=invoker,
            memory=message.memory,
            transid=msg.transid,
            action=msg.action.doc_id,
            max_concurrent=message.max_concurrent,
            blocking=msg.blocking,
            deadline=time.monotonic() + patience,
            patience=patience,
        )

    @on(ResultAck, CompletionMessage, CombinedCompletionAndResultMessage)
    def acknowledged(self, message: AcknowledgementMessage, sender: ActorAddress) -> None:
        self._do(self._slots.acknowledge(message))

    def _do(self, instructions: list[Instruction]) -> None:
        for instruction in instructions:
            match instruction:
                case Resolve(activation_id, response):
                    self.tell(self._askers.pop(activation_id), Answer(activation_id, response))
                case Release():
                    METRICS.count(completion_ack(self._controller, instruction.kind.value))
                    self._release(instruction)
                case Observe(activation_id, transid, kind):
                    METRICS.count(completion_ack(self._controller, kind.value))
                    logger.debug("%s completion %s of %s", transid, kind.value, activation_id)

    def _release(self, release: Release) -> None:
        slot = release.entry
        if release.kind is CompletionKind.FORCED:
            self._askers.pop(slot.activation_id, None)
            logger.warning(
                "%s forced completion of %s (%s): invoker%s did not report it in time",
                slot.transid,
                slot.activation_id,
                slot.action,
                slot.invoker,
            )
        msg, asker = self._messages.pop(slot.activation_id)
        self._released(release, msg)
        self.tell(asker, Freed(slot.activation_id, slot.namespace_uuid))

    def _released(self, release: Release, msg: ActivationMessage) -> None:
        """The slot is free: a hook for balancers that have more to do then."""

    @on(InvokerUp)
    def invoker_up(self, message: InvokerUp, sender: ActorAddress) -> None:
        self._invokers[message.instance] = message.address
        self._choice.up(message.instance)

    @on(InvokerGone)
    def invoker_gone(self, message: InvokerGone, sender: ActorAddress) -> None:
        self._choice.gone(message.instance)
        self._invokers.pop(message.instance, None)
        for slot in self._slots.of_invoker(message.instance):
            self._lose(slot, message.reason)

    def _lose(self, slot: ActivationEntry, reason: str) -> None:
        msg, _ = self._messages[slot.activation_id]
        record = self._record_loss(msg, reason)
        instance = msg.root_controller_index
        self._do(self._slots.acknowledge(CombinedCompletionAndResultMessage(msg.transid, record, True, instance)))

    @on(_Sweep)
    def sweep(self, message: _Sweep, sender: ActorAddress) -> None:
        for slot in self._slots.overdue(time.monotonic()):
            self._do(self._slots.force(slot.activation_id, slot.transid))
        self.start_timer("sweep", SWEEP_SECONDS, message)
