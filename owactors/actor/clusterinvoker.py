"""The invoker of a cluster: reads its own topic, acknowledges on the topics of the controllers, writes its records.

What it takes is written down (`store.intakejournal`) until it is answered and recorded: what a dead process had is
ended by the next one, with the cause. (OpenWhisk, InvokerReactive.scala, MessagingActiveAck.scala.)
"""

from __future__ import annotations

import asyncio
import time
from functools import partial
from pathlib import Path

from attrs import evolve, frozen
from thespian.actors import ActorAddress

from owactors.actor.bus import BusSettings
from owactors.actor.clustersetup import ClusterInvokerSetup
from owactors.actor.factories import FACTORIES
from owactors.actor.httpserver import HttpServer, PortTaken, listening_socket
from owactors.actor.insteps import InSteps
from owactors.actor.invokersetup import InvokerSetup
from owactors.actor.io import on
from owactors.actor.journalingconsumer import JournalingConsumer
from owactors.actor.journalinginvoker import JournalingInvoker
from owactors.actor.localinvoker import _Closed
from owactors.actor.messaging import MESSAGING
from owactors.actor.postman import Postman, PostmanSetup
from owactors.actor.rejoiningconsumer import RejoiningConsumer
from owactors.actor.store import StoreActor, StoreNotOpened, StoreOpened
from owactors.actor.topicwriter import TopicWriter
from owactors.connector.http.settings import underlying
from owactors.connector.port import Consumer, FencedInstance
from owactors.core.invoker.reading import Unreadable, read_message
from owactors.core.invoker.unanswerable import is_kept, refusal, unread_record
from owactors.core.loadbalancer.healthaction import HEALTH
from owactors.entity.activation import ActivationResponse, WhiskActivation
from owactors.entity.identity import Identity
from owactors.entity.instance import ControllerInstanceId
from owactors.entity.transaction import UNKNOWN, TransactionId
from owactors.message.ack import AcknowledgementMessage, ResultMessage
from owactors.message.activation import ActivationMessage
from owactors.message.container import SendAck, StoreActivation
from owactors.message.event import ActivationEvent, EventMessage
from owactors.message.feed import Handle
from owactors.message.node import InvokerReady, RoleFailed, StopRole
from owactors.message.store import StoreError
from owactors.message.topic import Write, WriterSetup, Written
from owactors.message.unreadable import reply_address
from owactors.observe.metrics import METRICS, expose
from owactors.rest.invokerserver import InvokerServer

STOPPED = "The invoker was stopped while the activation was under way there."
#: a message that waited so long on the topic may have been given up by its controller (seconds)
OLD = 10.0
#: a transaction that is as old as its controller, and never has a record
TEST_ACTION = TransactionId.system(HEALTH).id
#: controllers hear that an invoker takes no more work, and what they sent before arrives (seconds)
LAST_MESSAGES = 1.0
#: what the invoker has room for is claimed in so many steps
STEPS = 4
#: for records and acknowledgements, at the end
LEAVE_SECONDS = 4.0


@frozen(eq=False)
class _Topics:
    """To self: the topics are there."""

    consumer: Consumer


@frozen
class _CannotStart:
    """To self."""

    reason: str


@frozen
class _LastMessagesCame:
    """To self: nothing more comes from the topic."""


class ClusterInvoker(JournalingInvoker):
    """First message: ClusterInvokerSetup. InvokerReady or RoleFailed comes back."""

    # -- start: the broker, the store, the containers

    @on(InvokerSetup)
    def _set_up(self, message: InvokerSetup, sender: ActorAddress) -> None:
        assert isinstance(message, ClusterInvokerSetup)
        self._supervisor, self._wanted, self._cluster = sender, message, message.cluster
        bus = underlying(self._cluster.messaging)
        if isinstance(bus, BusSettings):
            self.tell(self.create(Postman), PostmanSetup(bus, bus.entrances))
        try:
            self._socket = listening_socket(message.host, message.port)
            if self._cluster.accepted_once:
                self.open_journal(Path(message.journal))
        except (PortTaken, OSError) as problem:
            self._give_up(str(problem))
            return
        self.spawn(self._topics(message), done=_Topics, failed=lambda cause: _CannotStart(str(cause) or repr(cause)))

    async def _topics(self, setup: ClusterInvokerSetup) -> Consumer:
        """A consumer of this invoker's topic, which exists."""
        messaging, topics = MESSAGING.get(self._cluster.messaging), self._cluster.topics
        own, health = topics.invoker(setup.instance.instance), topics.health()
        hosts = topics.hosts()
        for topic in (own, health, hosts):
            await messaging.ensure_topic(topic.name, topic.config)
        peek = setup.pool.max_peek(setup.bounds.memory.min, setup.bounds.concurrency.max)
        make = partial(messaging.consumer, own.name, str(own.group), peek, f"invoker{setup.instance.instance}")
        return RejoiningConsumer(make, self._may_join_again)

    async def _may_join_again(self) -> None:
        """FencedInstance: another host has this one's number; StoreError: that is not known."""
        found = await self.look_up()
        if not self.holds_its_place(found):
            self.into_turn(lambda: self._wished(found, self.myAddress))
            raise FencedInstance(f"{self._role()} is on another host now")

    @on(_CannotStart)
    def cannot_start(self, message: _CannotStart, sender: ActorAddress) -> None:
        self._give_up(message.reason)

    def _give_up(self, reason: str) -> None:
        self.tell(self._supervisor, RoleFailed(reason))
        self.stop()

    @on(_Topics)
    def topics_are_there(self, message: _Topics, sender: ActorAddress) -> None:
        self._consumer = message.consumer
        setup = self._wanted
        assert isinstance(setup, ClusterInvokerSetup)
        self._store_actor = self.create(StoreActor) if setup.store is None else setup.store
        self._writer = self.create(TopicWriter)
        self.tell(self._writer, WriterSetup(self._cluster.messaging))
        if setup.store is None:
            self.tell(self._store_actor, setup.open_store)
        else:
            self.store_opened(StoreOpened(), self._store_actor)

    @on(StoreNotOpened)
    def store_not_opened(self, message: StoreNotOpened, sender: ActorAddress) -> None:
        self._give_up(message.reason)

    @on(StoreOpened)
    def store_opened(self, message: StoreOpened, sender: ActorAddress) -> None:
        reader, ahead, step = self._consumer, None, max(1, self._consumer.max_peek // STEPS)
        known = self.make_door(reader.topic, self._journal, 2 * step)
        if self._journal is not None:
            reader, ahead = InSteps(reader, step), 2 * step
        consumer = JournalingConsumer(reader, known, self.log.warning)
        wanted = evolve(self._wanted, store=self._store_actor, consumer=consumer, health=self.myAddress)
        super()._set_up(evolve(wanted, feed_ahead=ahead), self._supervisor)

    def _report_metrics(self) -> None:
        """They are served here."""

    def _takes_work(self, report: tuple[str, ...]) -> None:
        setup = self._wanted
        assert isinstance(setup, ClusterInvokerSetup)
        application = InvokerServer(self, setup.username, setup.password, self.invoke_route())
        server = HttpServer(application, self._socket, self.server_tls())
        self.spawn(server.serve(), name="http")
        self.take_up_what_was_left()
        self.begin_heartbeat(server.port, self.invoke_address(server.port))
        self.tell(self._supervisor, InvokerReady(setup.instance.instance, report, server.port))

    # -- activations come in

    @on(Handle)
    def _handle_payload(self, message: Handle, sender: ActorAddress) -> None:
        found = read_message(message.payload)
        if isinstance(found, Unreadable):
            self._refuse_unreadable(found)
            return
        now = int(time.time() * 1000)
        if found.transid is UNKNOWN:
            found = evolve(found, transid=TransactionId.system("unknown", now))
        if now - found.transid.start < OLD * 1000 or found.transid.id == TEST_ACTION:
            self._arrived(found, sender)
        else:
            self.check_first(found)

    def _refuse_unreadable(self, found: Unreadable) -> None:
        """If it says at least who sent it, that one is answered; if it says for whom, there is a record."""
        super()._refuse_unreadable(found)
        address = reply_address(found.value)
        if found.msg is not None or address is None:
            return
        record = unread_record(address, found.reason, int(time.time() * 1000))
        if is_kept(address):
            self._store_soon(record)
        if address.root_controller_index is not None:
            ack = refusal(address, record, self._needed().instance)
            self._acknowledge(ack, address.root_controller_index, address.blocking)
        else:
            self.forget([address.activation_id])

    # -- acknowledgements, events and pings go out

    @on(SendAck)
    def _send_ack(self, message: SendAck, sender: ActorAddress) -> None:
        if not isinstance(message.ack, ResultMessage):
            self._under_way.pop(message.ack.activation_id, None)
        self._acknowledge(message.ack, message.controller, message.blocking)
        self._drain_further()

    def _acknowledge(self, ack: AcknowledgementMessage, to: ControllerInstanceId, blocking: bool) -> None:
        small, last = ack.shrink().to_json(), not isinstance(ack, ResultMessage)
        write = Write(
            topic=self._cluster.topics.completed(to).name,
            value=ack.to_json() if blocking else small,
            what=f"the acknowledgement of {ack.activation_id}",
            smaller=small if blocking else None,
            keep=True,
            token=ack.activation_id if last else None,
        )
        self.reply(ack.activation_id, write, last=last)

    @on(Written)
    def written(self, message: Written, sender: ActorAddress) -> None:
        self._acknowledged.add(message.token)

    @on(StoreActivation)
    def _store_activation(self, message: StoreActivation, sender: ActorAddress) -> None:
        super()._store_activation(message, sender)
        self._send_event(message.activation, message.user)

    def _not_kept(self, record: WhiskActivation, msg: ActivationMessage) -> None:
        super()._not_kept(record, msg)
        self._send_event(record, msg.user)

    def _send_event(self, record: WhiskActivation, user: Identity) -> None:
        body = ActivationEvent.of(record) if self._cluster.user_events else None
        if body is not None:
            event = EventMessage.of(self._needed().instance, body, user, int(time.time() * 1000))
            self._write(Write(self._cluster.topics.events().name, event.to_json(), "a user event"))

    # -- what the HTTP server asks beside the switch (owactors.rest.invokerserver.InvokerControl)

    def metrics(self) -> bytes | None:
        """As the port says."""
        return expose([METRICS.snapshot()]) if METRICS.enabled else None

    # -- end

    @on(StopRole)
    def stop_role(self, message: StopRole, sender: ActorAddress) -> None:
        """Says so first; what is on its way to here is still taken."""
        self._seconds, self._stopper = message.seconds, sender
        self.take_no_more()
        self.start_timer("last messages", LAST_MESSAGES, _LastMessagesCame())

    @on(_LastMessagesCame)
    def last_messages_came(self, message: _LastMessagesCame, sender: ActorAddress) -> None:
        assert self._stopper is not None
        self.close_door()
        super().stop_role(StopRole(self._seconds), self._stopper)

    def time_is_up(self, message: object, sender: ActorAddress) -> None:
        """What still runs is given up: it ends here, with the cause."""
        for msg in list(self._under_way.values()):
            self._end(msg, ActivationResponse.whisk_error(STOPPED))
        self._close()

    def _close(self) -> None:
        if not self._closing:
            self._closing = True
            self.cancel_timer("stop")
            self.beat_now()
            self.spawn(self._leave(), done=lambda _: _Closed(), failed=lambda _: _Closed())

    async def _leave(self) -> None:
        """Containers, then records, then what must get onto topics."""
        await FACTORIES.close()
        try:
            async with asyncio.timeout(LEAVE_SECONDS):
                await self.store.flush()
                await MESSAGING.close()
        except (TimeoutError, StoreError) as problem:
            self.log.error("not all records could be kept; the next start tries again: %r", problem)

    def closed(self, message: object, sender: ActorAddress) -> None:
        """The journal keeps what could not be said."""
        self.forget(self._acknowledged)
        if self._journal is not None:
            self._journal.close()
        super().closed(_Closed(), sender)
