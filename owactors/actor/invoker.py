"""The invoker's actor: takes activation messages in, passes acknowledgements and records out.

It creates the container pool and, where messages come from a broker, the message feed. Proxies and pool send their
acknowledgements and records here: every activation that came in leaves through this actor, so what a dead pool had is
known and ends with a cause. Decisions are in `core.invoker`. (OpenWhisk, InvokerReactive.scala, MessagingActiveAck.)
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, ClassVar

from attrs import frozen
from thespian.actors import ActorAddress

from owactors.actor.actionfetch import fetch_action
from owactors.actor.containerpool import ContainerPool, PoolSetup
from owactors.actor.followedcontainers import FollowedContainers
from owactors.actor.invokersetup import InvokerSetup
from owactors.actor.io import IoActor, on
from owactors.actor.messagefeed import FeedConsumer, FeedSetup, MessageFeed
from owactors.actor.storeclient import StoreUser
from owactors.core.invoker import fallback, intake
from owactors.core.invoker.reading import Unreadable, read_message
from owactors.core.messagefeed import FeedSettings
from owactors.entity.activation import ActivationResponse, WhiskActivation
from owactors.message.ack import (
    AcknowledgementMessage,
    CombinedCompletionAndResultMessage,
    CompletionMessage,
    ResultMessage,
)
from owactors.message.activation import ActivationMessage
from owactors.message.container import SendAck, StoreActivation
from owactors.message.feed import FeedStopped, Handle, Processed, StopFeed
from owactors.message.health import PingMessage
from owactors.message.pool import Drain, Drained, GetPoolStatus, PoolStatus
from owactors.message.store import StoreUnavailable
from owactors.message.story import StoryTold, TellStory
from owactors.observe.markers import Markers
from owactors.observe.metrics import METRICS
from owactors.observe.stories import STORIES
from owactors.observe.tokens import INVOKER_ACTIVATION, unreadable_message

MARKERS = Markers("InvokerReactive")
__all__ = ["Invoker", "InvokerSetup"]

PING, BLACKLIST = "ping", "blacklist"
WHO = "invoker"
_CONTENT: dict[type, str] = {
    ResultMessage: "the result",
    CompletionMessage: "that it is over",
    CombinedCompletionAndResultMessage: "the result, and that it is over,",
}


class TimerFired(str):
    """To itself: the timer of this name is due."""

    __slots__ = ()


@frozen
class _Flushed:
    """To itself: all records are on disk, or will not be."""


class Invoker(FollowedContainers, StoreUser):
    """First message: InvokerSetup. `Drain` is answered with `Drained` when all is done and kept."""

    pool_class: ClassVar[type[IoActor]] = ContainerPool
    feed_class: ClassVar[type[IoActor]] = MessageFeed
    _does: ClassVar[dict[type, Callable[[Invoker, Any], None]]] = {}

    def __init__(self) -> None:
        super().__init__()
        self._setup: InvokerSetup | None = None
        self._intake = intake.Intake()
        self._pool: ActorAddress | None = None
        self._feed: ActorAddress | None = None
        #: activations that came in and have not left
        self._under_way: dict[str, ActivationMessage] = {}
        self._drain_asker: ActorAddress | None = None
        self._status_askers: list[ActorAddress] = []
        self._feed_stopped = True
        self._pool_told = False
        self._exiting = False

    # -- setting up

    @on(InvokerSetup)
    def _set_up(self, message: InvokerSetup, sender: ActorAddress) -> None:
        self._setup = message
        self._intake = intake.Intake(message.bounds)
        self.use_store(message.store)
        self._create_pool()
        if message.consumer is not None:
            self._create_feed(message, message.consumer)
        if message.health is not None:
            self._timer_fired(TimerFired(PING), sender)
        self._timer_fired(TimerFired(BLACKLIST), sender)
        self.unstash_all()

    def _create_pool(self) -> None:
        setup, here = self._needed(), self.myAddress
        self._pool = self.create(self.pool_class)
        feed = here if setup.consumer is not None else None
        factory, settings = setup.factory, setup.factory_settings
        about = PoolSetup(setup.pool, setup.proxies, feed, here, here, factory, settings, setup.colocate)
        self.tell(self._pool, about)
        self.follow_in(self._pool)

    def _create_feed(self, setup: InvokerSetup, consumer: FeedConsumer) -> None:
        capacity = setup.pool.max_peek(setup.bounds.memory.min, setup.bounds.concurrency.max)
        most = min(consumer.max_peek, 2 * capacity)
        settings = FeedSettings("activation", capacity, most, ahead=setup.feed_ahead)
        self._feed = self.create(self.feed_class)
        self._feed_stopped = False
        self.tell(self._feed, FeedSetup(settings, consumer, self.myAddress))

    def _needed(self) -> InvokerSetup:
        if self._setup is None:
            raise RuntimeError("no InvokerSetup yet")
        return self._setup

    # -- activations come in

    @on(ActivationMessage)
    def _arrived(self, message: ActivationMessage, sender: ActorAddress) -> None:
        if self._setup is None:
            self.stash()
            return
        self._under_way[message.activation_id] = message
        MARKERS.mark(message.transid, INVOKER_ACTIVATION, "%s %s", message.action, message.activation_id)
        STORIES.note(message.activation_id, WHO, "came to %s", self._setup.instance)
        try:
            self._take_in(intake.Arrived(message, time.time()))
        except Exception as failure:
            self.log.error("activation %s failed; story: %s", message.activation_id, self.story(), exc_info=failure)
            self._end(message, ActivationResponse.whisk_error(f"The invoker failed: {failure}"))

    @on(Handle)
    def _handle_payload(self, message: Handle, sender: ActorAddress) -> None:
        found = read_message(message.payload)
        if isinstance(found, Unreadable):
            self._refuse_unreadable(found)
        else:
            self._arrived(found, sender)

    def _refuse_unreadable(self, found: Unreadable) -> None:
        """It is counted, and ends at once if it says for whom it was."""
        if found.msg is not None:
            self._end(found.msg, ActivationResponse.whisk_error(f"{fallback.UNREADABLE}: {found.reason}"))
        self._give_credit(1)
        METRICS.count(unreadable_message(f"invoker{self._needed().instance.instance}"))
        self.log.error("%s: %s", fallback.UNREADABLE, found.reason)

    @on(intake.ActionFetched, intake.FetchFailed, intake.BlacklistRead)
    def _take_in(self, event: intake.IntakeEvent, sender: ActorAddress | None = None) -> None:
        for instruction in self._intake.handle(event):
            self._does[type(instruction)](self, instruction)
        self._drain_further()

    def _fetch(self, instruction: intake.FetchAction) -> None:
        number = instruction.fetch
        self.spawn(
            fetch_action(self.store, self._needed().manifest, instruction.doc_id),
            done=lambda action: intake.ActionFetched(number, action, time.time()),
            failed=lambda cause: intake.FetchFailed(number, cause, time.time()),
        )

    def _place(self, instruction: intake.PlaceRun) -> None:
        STORIES.note(instruction.run.msg.activation_id, WHO, "the action is read; a container is looked for")
        self.tell(self._pool, instruction.run)

    def _refuse(self, instruction: intake.Refuse) -> None:
        msg = instruction.msg
        MARKERS.log.warn(msg.transid, "activation %s is not run: %s", msg.activation_id, instruction.reason)
        STORIES.note(msg.activation_id, WHO, "it is not run: %s", instruction.reason)
        self._end(msg, instruction.response, instruction.store)
        self._give_credit(1)

    def _end(self, msg: ActivationMessage, response: ActivationResponse, store: bool = True) -> None:
        """The activation ends here: fallback record, one acknowledgement."""
        record = fallback.fallback_activation(msg, response, int(time.time() * 1000))
        instance = self._needed().instance
        ack = CombinedCompletionAndResultMessage.of(msg.transid, record, instance)
        self._send_ack(SendAck(ack, msg.root_controller_index, msg.blocking, msg.user), self.myAddress)
        if store:
            self._keep(record, msg)
        else:
            self._not_kept(record, msg)

    def _not_kept(self, record: WhiskActivation, msg: ActivationMessage) -> None:
        """Refused for its namespace."""
        if not msg.blocking:
            self.store.dismiss(record.namespace, record.activation_id)

    # -- acknowledgements, records and credit go out

    @on(SendAck)
    def _send_ack(self, message: SendAck, sender: ActorAddress) -> None:
        setup, ack = self._needed(), message.ack
        STORIES.note(ack.activation_id, WHO, "%s goes to %s", _CONTENT[type(ack)], message.controller)
        if not isinstance(ack, ResultMessage):
            self._under_way.pop(ack.activation_id, None)
        out: AcknowledgementMessage = ack if message.blocking else ack.shrink()
        receiver = setup.acks.get(message.controller.as_string, setup.controller)
        if receiver is None:
            self.log.error("nobody gets the acknowledgement of %s for %s", ack.activation_id, message.controller)
        else:
            self.tell(receiver, out)
        self._drain_further()

    @on(StoreActivation)
    def _store_activation(self, message: StoreActivation, sender: ActorAddress) -> None:
        record, extra = message.activation, message.transid.extra_logging
        policy = self._needed().policy
        if policy.keeps(record, message.user, blocking=message.blocking, extra_logging=extra):
            STORIES.note(record.activation_id, WHO, "the record goes to the store")
            self._store_soon(record)
        elif not message.blocking:
            self.store.dismiss(record.namespace, record.activation_id)

    def _keep(self, record: WhiskActivation, msg: ActivationMessage) -> None:
        self._store_activation(StoreActivation(msg.transid, record, msg.user, msg.blocking), self.myAddress)

    def _store_soon(self, record: WhiskActivation) -> None:
        try:
            self.store.store_soon(record.to_json())
        except (StoreUnavailable, ValueError, RecursionError) as refusal:
            self.log.error("the record of activation %s is lost: %s", record.activation_id, refusal)

    @on(Processed)
    def _processed(self, message: Processed, sender: ActorAddress) -> None:
        self._give_credit(message.count)

    def _give_credit(self, count: int) -> None:
        if self._feed is not None:
            self.tell(self._feed, Processed(count))

    # -- timers

    @on(TimerFired)
    def _timer_fired(self, message: TimerFired, sender: ActorAddress) -> None:
        setup = self._needed()
        if message == PING:
            self.start_timer(PING, setup.ping_interval, message)
            self.tell(setup.health, PingMessage(setup.instance, not self._intake.stopped))
        elif message == BLACKLIST:
            self.start_timer(BLACKLIST, setup.blacklist_interval, message)
            self.spawn(
                self.store.blocked_namespaces(),
                done=lambda names: intake.BlacklistRead(names, time.time()),
                failed=lambda cause: intake.BlacklistRead(self._stale_blacklist(cause), time.time()),
            )

    def _stale_blacklist(self, cause: BaseException) -> frozenset[str]:
        self.log.warning("the namespace blacklist could not be read, the old one holds: %s", cause)
        return self._intake.blacklist

    # -- status, failure and end

    @on(TellStory)
    def _tell_story(self, message: TellStory, sender: ActorAddress) -> None:
        self.tell(sender, StoryTold(message.request, STORIES.told(message.activation_id)))

    @on(GetPoolStatus)
    def _ask_status(self, message: GetPoolStatus, sender: ActorAddress) -> None:
        self._status_askers.append(sender)
        self.tell(self._pool, message)

    @on(PoolStatus)
    def _status(self, message: PoolStatus, sender: ActorAddress) -> None:
        if self._status_askers:
            self.tell(self._status_askers.pop(0), message)

    def on_exit(self) -> None:
        """Children that exit from here on do so because of us."""
        self._exiting = True

    def on_child_exited(self, address: ActorAddress) -> None:
        """Without its pool all that was under way ends with the cause; pool and feed are made anew."""
        if self._exiting:
            return
        if address == self._pool:
            self._pool_ended()
        elif address == self._feed and not self._feed_stopped:
            setup = self._needed()
            if setup.consumer is not None:
                self._create_feed(setup, setup.consumer)

    def _pool_ended(self) -> None:
        waiting = self._intake.messages_waiting()
        lost = [msg for activation_id, msg in self._under_way.items() if activation_id not in waiting]
        self.log.error("the container pool ended with %s activations under way", len(lost))
        if self._pool_told:
            self._pool_drained(Drained(), self.myAddress)
        else:
            self._create_pool()
        for msg in lost:
            self._end(msg, ActivationResponse.whisk_error(fallback.POOL_ENDED))
            self._give_credit(1)

    @on(Drain)
    def _drain(self, message: Drain, sender: ActorAddress) -> None:
        """Take no more work; what is at hand in the feed is still taken in."""
        self._drain_asker = sender
        if self._feed is not None and not self._feed_stopped:
            self.tell(self._feed, StopFeed())
        else:
            self._stop_intake()

    @on(FeedStopped)
    def _on_feed_stopped(self, message: FeedStopped, sender: ActorAddress) -> None:
        self._feed_stopped = True
        self._stop_intake()

    def _stop_intake(self) -> None:
        self._take_in(intake.StopIntake(time.time()))

    def _drain_further(self) -> None:
        if self._intake.stopped and not self._pool_told and not self._intake.fetching:
            self._pool_told = True
            self.tell(self._pool, Drain())

    @on(Drained)
    def _pool_drained(self, message: Drained, sender: ActorAddress) -> None:
        self.spawn(self.store.flush(), done=lambda _: _Flushed(), failed=self._not_flushed)

    def _not_flushed(self, cause: BaseException) -> _Flushed:
        self.log.error("not all records could be kept: %s", cause)
        return _Flushed()

    @on(_Flushed)
    def _all_done(self, message: _Flushed, sender: ActorAddress) -> None:
        if self._drain_asker is not None:
            self.tell(self._drain_asker, Drained())


Invoker._does = {
    intake.FetchAction: Invoker._fetch,
    intake.PlaceRun: Invoker._place,
    intake.Refuse: Invoker._refuse,
}
