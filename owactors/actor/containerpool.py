"""The container pool's actor: creates proxies, passes messages on, gives credit back. (OpenWhisk, ContainerPool.scala.)

All decisions are in `core.containerpool`. A proxy that dies fails the activations it had, with the reason, and its
memory is free. When the machine itself fails on a message, that activation ends with the reason and the pool goes on.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any, ClassVar

from attrs import frozen
from thespian.actors import ActorAddress

from owactors.actor import poolreports
from owactors.actor.addresstable import AddressTable
from owactors.actor.containerproxy import ContainerProxy
from owactors.actor.followedproxies import FollowedProxies
from owactors.actor.io import IoActor, on
from owactors.core.activationrecord import activation_record
from owactors.core.containerpool import events as e
from owactors.core.containerpool import instructions as i
from owactors.core.containerpool.pool import ContainerPool as Machine
from owactors.core.containerpool.settings import PoolSettings
from owactors.core.containerpool.status import status_of
from owactors.core.reply import Interval
from owactors.entity.activation import ActivationResponse
from owactors.entity.size import ByteSize
from owactors.message.ack import CombinedCompletionAndResultMessage, CompletionMessage
from owactors.message.container import (
    ContainerDestroyed,
    ContainerRemoved,
    Dismiss,
    NeedWork,
    ProxySettings,
    ProxySetup,
    Remove,
    RescheduleJob,
    Run,
    SendAck,
    Start,
    StoreActivation,
    ToPool,
)
from owactors.message.feed import Processed
from owactors.message.pool import Drain, Drained, GetPoolStatus

PROXY_ENDED = "The process of its container proxy ended."
#: seconds until the gauges are set for the first time, and between two times
METRICS_DELAY, METRICS_INTERVAL = 30.0, 10.0


@frozen(eq=False)
class PoolSetup:
    """The first message to a pool.

    Credits go to `feed` (`Processed`; None: to nobody), acknowledgements to `acks` (`SendAck`), records to `store`
    (`StoreActivation`). `factory` is a container factory by reference, for proxies of this process; without one each
    process builds its own from `factory_settings`. `colocate` False: a process for each proxy.
    """

    settings: PoolSettings
    proxies: ProxySettings
    feed: Any
    acks: Any
    store: Any
    factory: Any = None
    factory_settings: Any = None
    colocate: bool = True


class TimerFired(str):
    """To itself: the timer of this name is due."""

    __slots__ = ()


ADJUST, BACKFILL, GAUGES, EXPIRE = "adjust prewarmed", "backfill prewarmed", "emit metrics", "expire idle"


class ContainerPool(FollowedProxies):
    """First message: PoolSetup."""

    #: the actor that is created for each container
    proxy_class: ClassVar[type[IoActor]] = ContainerProxy
    _does: ClassVar[dict[type, Callable[[ContainerPool, Any], None]]] = {}

    def __init__(self) -> None:
        super().__init__()
        self._machine: Machine | None = None
        self._setup: PoolSetup | None = None
        self._proxies = AddressTable()
        self._drain_asker: ActorAddress | None = None
        self._jitter = 0.0
        self._exiting = False

    # -- what comes in

    @on(PoolSetup)
    def _set_up(self, message: PoolSetup, sender: ActorAddress) -> None:
        self._setup = message
        self._machine = Machine(message.settings)
        settings = message.settings
        if settings.reactive:
            self._jitter = random.uniform(0.0, settings.prewarm_expiration_check_interval_variance)
            self.start_timer(ADJUST, settings.prewarm_expiration_check_init_delay, TimerFired(ADJUST))
        self.start_timer(GAUGES, METRICS_DELAY, TimerFired(GAUGES))
        self.start_timer(EXPIRE, settings.idle_check_interval, TimerFired(EXPIRE))
        self._feed(e.StartPool(time.time()))
        self.unstash_all()

    @on(Run)
    def _run(self, message: Run, sender: ActorAddress) -> None:
        if self._machine is None:
            self.stash()
            return
        number = self._proxies.number(sender)
        if number is None:
            self._submit(message)
        else:
            self._feed(e.FromProxy(number, message, time.time()))

    def _submit(self, run: Run) -> None:
        try:
            self._feed(e.Submit(run, time.time()))
        except Exception as failure:
            self.log.error("%s", self._tale(), exc_info=failure)
            if self._machine is not None:
                self._do(self._machine.abandon(run, f"The invoker failed: {failure}"))

    @on(NeedWork, ContainerRemoved, RescheduleJob, ContainerDestroyed)
    def _told(self, message: ToPool, sender: ActorAddress) -> None:
        number = self._proxies.number(sender)
        if number is None:
            self.log.warning("%s from %s, which is no proxy of this pool", type(message).__name__, sender)
            return
        if isinstance(message, ContainerDestroyed) and message.leaked:
            poolreports.MARKERS.log.error(
                poolreports.NANNY, "container %s may still be there: %s", number, message.leaked
            )
        self._feed(e.FromProxy(number, message, time.time()))

    @on(TimerFired)
    def _timer_fired(self, message: TimerFired, sender: ActorAddress) -> None:
        if message == GAUGES:
            self._set_gauges()
            self.start_timer(GAUGES, METRICS_INTERVAL, message)
        elif message == ADJUST and self._setup is not None:
            interval = self._setup.settings.prewarm_expiration_check_interval + self._jitter
            self.start_timer(ADJUST, interval, message)
            self._feed(e.AdjustPrewarmedContainer(time.time()))
        elif message == BACKFILL:
            self._feed(e.BackfillPrewarmed(time.time()))
        elif message == EXPIRE and self._setup is not None:
            self.start_timer(EXPIRE, self._setup.settings.idle_check_interval, message)
            self._feed(e.ExpireIdle(time.time()))

    @on(Drain)
    def _drain(self, message: Drain, sender: ActorAddress) -> None:
        self._drain_asker = sender
        if self._machine is None or self._machine.drained:
            self.tell(sender, Drained())
        else:
            self._feed(e.DrainPool(time.time()))

    @on(GetPoolStatus)
    def _status(self, message: GetPoolStatus, sender: ActorAddress) -> None:
        if self._machine is None:
            self.stash()
        else:
            self.tell(sender, status_of(self._machine))

    def on_exit(self) -> None:
        """Proxies that exit from here on do so because of us, and end their activations themselves."""
        self._exiting = True

    def on_child_exited(self, address: ActorAddress) -> None:
        """A proxy is gone: expected after Dismiss, else its activations end here."""
        number = self._proxies.number(address)
        if number is not None and not self._exiting:
            self._proxies.remove(number)
            self._feed(e.ProxyExited(number, PROXY_ENDED, time.time()))

    # -- the machine

    def _feed(self, event: e.PoolEvent) -> None:
        """One event. What was decided is carried out also when the machine then failed."""
        machine = self._machine
        if machine is None:
            raise RuntimeError(f"{type(event).__name__} before PoolSetup")
        try:
            machine.handle(event)
        finally:
            self._do(machine.out)

    def _do(self, instructions: list[i.PoolInstruction]) -> None:
        does = self._does
        for instruction in instructions:
            does[type(instruction)](self, instruction)

    def on_failure(self, failure: Exception) -> None:
        """The books go on as they are; the story tells what led here."""
        self.log.error("%s", self._tale())

    def _tale(self) -> str:
        lines = [str(line) for line in self._machine.story] if self._machine else []
        return "\n  ".join(["the pool failed; story:", *lines])

    # -- what the machine says

    def _create_proxy(self, instruction: i.CreateProxy) -> None:
        setup = self._needed()
        address = self.create(self.proxy_class, colocate=setup.colocate)
        self._proxies.add(instruction.container, address)
        factory = setup.factory if setup.colocate else None
        number = instruction.container
        about = ProxySetup(setup.proxies, setup.acks, setup.store, number, factory, setup.factory_settings)
        self.tell(address, about)
        self.follow_new(address)

    def _send_run(self, instruction: i.SendRun) -> None:
        self.tell(self._proxies.address(instruction.container), instruction.run)
        poolreports.container_start(instruction, self._machine.books.running if self._machine else 0)

    def _send_start(self, instruction: i.SendStart) -> None:
        message = Start(instruction.exec, ByteSize.mb(instruction.memory), instruction.ttl)
        self._tell_proxy(instruction.container, message)

    def _send_remove(self, instruction: i.SendRemove) -> None:
        self._tell_proxy(instruction.container, Remove())

    def _send_dismiss(self, instruction: i.SendDismiss) -> None:
        self._tell_proxy(instruction.container, Dismiss())

    def _tell_proxy(self, number: int, message: Start | Remove | Dismiss) -> None:
        address = self._proxies.address(number)
        if address is not None:
            self.tell(address, message)

    def _release(self, instruction: i.ReleaseCredits) -> None:
        feed = self._needed().feed
        if feed is not None:
            self.tell(feed, Processed(instruction.count))

    def _fail_run(self, instruction: i.FailRun) -> None:
        """One record, one acknowledgement, both with the cause."""
        setup, msg = self._needed(), instruction.run.msg
        response = ActivationResponse.whisk_error(instruction.reason)
        at = Interval.zero(int(time.time() * 1000))
        record = activation_record(instruction.run.action, msg, response, at)
        instance = setup.proxies.instance
        ack: CombinedCompletionAndResultMessage | CompletionMessage
        if msg.blocking:
            ack = CombinedCompletionAndResultMessage.of(msg.transid, record, instance)
        else:
            ack = CompletionMessage(msg.transid, msg.activation_id, True, instance)
        poolreports.MARKERS.log.warn(msg.transid, "activation %s failed: %s", msg.activation_id, instruction.reason)
        self.tell(setup.acks, SendAck(ack, msg.root_controller_index, msg.blocking, msg.user))
        self.tell(setup.store, StoreActivation(msg.transid, record, msg.user, msg.blocking))

    def _backfill_later(self, instruction: i.BackfillLater) -> None:
        if not self.has_timer(BACKFILL):
            self.start_timer(BACKFILL, instruction.seconds, TimerFired(BACKFILL))

    def _report_drained(self, instruction: i.ReportDrained) -> None:
        if self._drain_asker is not None:
            self.tell(self._drain_asker, Drained())

    def _set_gauges(self) -> None:
        if self._machine is not None:
            poolreports.set_gauges(status_of(self._machine))

    def _needed(self) -> PoolSetup:
        if self._setup is None:
            raise RuntimeError("no PoolSetup yet")
        return self._setup


def _reporting(report: Callable[[Any], None]) -> Callable[[ContainerPool, Any], None]:
    return lambda _, instruction: report(instruction)


ContainerPool._does = {
    i.CreateProxy: ContainerPool._create_proxy,
    i.SendRun: ContainerPool._send_run,
    i.SendStart: ContainerPool._send_start,
    i.SendRemove: ContainerPool._send_remove,
    i.SendDismiss: ContainerPool._send_dismiss,
    i.ReleaseCredits: ContainerPool._release,
    i.FailRun: ContainerPool._fail_run,
    i.ReportWaiting: _reporting(poolreports.report_waiting),
    i.ReportTwin: _reporting(poolreports.report_twin),
    i.ReportPrewarm: _reporting(poolreports.report_prewarm),
    i.ReportShortage: _reporting(poolreports.report_shortage),
    i.BackfillLater: ContainerPool._backfill_later,
    i.ReportDrained: ContainerPool._report_drained,
}
