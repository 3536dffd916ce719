"""The controller of a cluster: its invokers are other processes, perhaps on other hosts, behind a broker.

It has topics for its acknowledgements and hears the pings, the other controllers and what they changed. Records are
written by whoever ran the activation; here only those of calls that never came to an end. (OpenWhisk,
Controller.scala.)
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Container
from contextlib import suppress

from attrs import frozen
from thespian.actors import ActorAddress

from owactors.actor.bus import BusSettings
from owactors.actor.cacheinvalidation import CacheInvalidation, InvalidationSetup
from owactors.actor.clustermembership import ClusterMembership, MembershipSetup
from owactors.actor.clustersetup import ClusterControllerSetup
from owactors.actor.controller import ensure_subjects, opened_store
from owactors.actor.controllersetup import ControllerSetup
from owactors.actor.followingcontroller import FollowingController
from owactors.actor.handingover import HandingOverBalancer, HandingOverSetup
from owactors.actor.holdingbalancer import HoldingBalancer
from owactors.actor.hub import Hub
from owactors.actor.invokersupervision import Supervision, SupervisionSetup
from owactors.actor.io import on
from owactors.actor.lostcalls import FormerLife, end_lost_calls
from owactors.actor.messaging import MESSAGING
from owactors.actor.postman import Postman, PostmanSetup
from owactors.actor.remotestore import ReachStore, RemoteStore, StoreMessenger
from owactors.actor.topicwriter import TopicWriter
from owactors.connector.http.settings import underlying
from owactors.core.loadbalancer.healthaction import health_action
from owactors.core.loadbalancer.knownhubs import KnownHubs
from owactors.core.loadbalancer.slots import CompletionTimeout
from owactors.entity.identity import Identity
from owactors.message.bus import HubPlace, Hubs, JoinBus
from owactors.message.cache import CacheInvalidationMessage, CacheKey
from owactors.message.event import EventBody, EventMessage
from owactors.message.loadbalancer import Accepting, Answer
from owactors.message.member import (
    ClusterSize,
    ControllersKnown,
    DocumentChanged,
    DocumentsDoubted,
    HearsOthers,
    Leave,
)
from owactors.message.node import RoleStopped, StopRole, StoreKeeper
from owactors.message.store import DocumentConflict, StoreError
from owactors.message.supervision import CacheInvalid, InvokerStates
from owactors.message.topic import Write, WriterSetup
from owactors.rest.ports import Services
from owactors.store.clusterhosts import give_place_up, take_place
from owactors.store.port import Store

LEAVE_SECONDS = 2.0
LOST_SECONDS = 30.0
#: a store that is away does not hold up a controller that ends
LEAVE_SECONDS = 2.0


@frozen
class _LookForLost:
    """To self: calls of a former life of this controller may have come to their end, or never will."""


@frozen
class _Closed:
    """To self: the broker is left."""

    stopped: RoleStopped


class ClusterController(FollowingController):
    """First message: ClusterControllerSetup."""

    #: where other controllers are, if they speak as actors
    _hubs: KnownHubs | None = None

    @on(ControllerSetup)
    def setup(self, message: ControllerSetup, sender: ActorAddress) -> None:
        assert isinstance(message, ClusterControllerSetup)
        self.belong_to(message)
        self._began = int(time.time() * 1000)
        bus = underlying(self._cluster.messaging)
        if isinstance(bus, BusSettings):
            self._start_bus(bus)
        self._remote = None if message.keeper is None else self._reached(message.keeper)
        super().setup(message, sender)

    def _reached(self, keeper: StoreKeeper) -> RemoteStore:
        """The documents of another controller."""
        store = RemoteStore(keeper.controller, self._instance.as_string)
        self.tell(self.create(StoreMessenger), ReachStore(store, keeper.store))
        return store

    # -- the bus, where there is no broker

    def _start_bus(self, bus: BusSettings) -> None:
        self._place, hubs = HubPlace(self.create(Hub), self.myAddress), KnownHubs()
        self._hubs = hubs
        self.tell(self.create(Postman), PostmanSetup(bus, bus.entrances, bus.controller, self._place, hubs))

    @on(JoinBus)
    def join_bus(self, message: JoinBus, sender: ActorAddress) -> None:
        """Somebody says that it is there: it hears of all the hubs that were heard of."""
        now = time.monotonic()
        if self._hubs is None:
            return  # somebody takes this one for a controller without a broker
        if message.place is not None:
            self._hubs.heard(message.controller, message.place, now)
        self.tell(sender, Hubs({**self._hubs.there(now), self._instance.as_string: (self._place, 0.0)}))

    async def _prepare(self, setup: ControllerSetup) -> Store:
        """The open store and all topics; the action that tests invokers is there."""
        store = await self._opened(setup)
        topics, messaging = self._cluster.topics, MESSAGING.get(self._cluster.messaging)
        for topic in (
            topics.completed(self._instance),
            topics.health(),
            topics.cache_invalidation(),
            topics.controllers(),
            topics.hosts(),
            topics.events(),
        ):
            await messaging.ensure_topic(topic.name, topic.config)
        action = health_action(self._instance, setup.manifest, self._cluster.health_kind, self._cluster.memory_min)
        await _put(store, action.to_document())
        await take_place(store.entities, self.role, self._cluster.host)
        return store

    async def _opened(self, setup: ControllerSetup) -> Store:
        if self._remote is None:
            return await opened_store(setup)
        await self._remote.attached()
        await ensure_subjects(self._remote, setup)
        return self._remote

    def _create_balancer(self) -> ActorAddress:
        cluster, setup = self._cluster, self._setup
        self._writer = self.create(TopicWriter)
        self.tell(self._writer, WriterSetup(cluster.messaging))
        hands_over, base = cluster.accepted_once, underlying(cluster.messaging)
        supervision = self.create(Supervision)
        balancer = self.create(HandingOverBalancer if hands_over else HoldingBalancer)
        sharding = HandingOverSetup(
            store=self.myAddress,
            timeout_factor=setup.timeout_factor,
            timeout_addon=setup.timeout_addon,
            supervision=supervision,
            messaging=cluster.messaging,
            topics=cluster.topics,
            instance=self._instance,
            managed_fraction=cluster.managed_fraction,
            blackbox_fraction=cluster.blackbox_fraction,
            memory_min=cluster.memory_min,
            outbox=cluster.outbox,
            shared_topic=not isinstance(base, BusSettings),
        )
        self.tell(balancer, sharding)
        shared = (cluster.messaging, cluster.topics, self._instance)
        self.tell(supervision, SupervisionSetup(balancer, self.myAddress, *shared))
        self._membership = self.create(ClusterMembership)
        listeners = (balancer, self.myAddress)
        about = MembershipSetup(listeners, supervision, self._writer, *shared, self.myAddress, uuid.uuid4().hex[:12])
        self.tell(self._membership, about)
        self.tell(self.create(CacheInvalidation), InvalidationSetup(self.myAddress, *shared))
        self.begin_heartbeat(self._writer, balancer if hands_over else None)
        return balancer

    def _services(self, store: Store) -> Services:
        services = super()._services(store)
        services.changed = self._changed
        if self._cluster.user_events:
            services.event = self._event
        self._throttles = services.throttles
        return services

    def _ready_to_serve(self) -> None:
        """Without an invoker calls are refused after a while; everything else is served."""
        self._api.api.repository.hears = False  # the membership says when it does
        self._open_door()
        self.start_timer("lost", LOST_SECONDS, _LookForLost())

    # -- what others are told

    def _changed(self, doc_id: str) -> None:
        value = CacheInvalidationMessage(CacheKey(doc_id), str(self._instance)).to_json()
        topic = self._cluster.topics.cache_invalidation().name
        self.into_turn(lambda: self.tell(self._membership, DocumentChanged(doc_id)))
        self._write(Write(topic, value, f"the change of {doc_id}", keep=True))

    def _event(self, user: Identity, body: EventBody) -> None:
        event = EventMessage.of(self._instance, body, user, int(time.time() * 1000))
        self._write(Write(self._cluster.topics.events().name, event.to_json(), "a user event"))

    def _write(self, write: Write) -> None:
        self.into_turn(lambda: self.tell(self._writer, write))

    # -- what others say

    @on(CacheInvalid)
    def cache_invalid(self, message: CacheInvalid, sender: ActorAddress) -> None:
        self._api.api.repository.invalidate((message.doc_id,))

    @on(InvokerStates)
    def invokers_are(self, message: InvokerStates, sender: ActorAddress) -> None:
        self._publisher.invokers_are({str(instance): state for instance, state in message.states})

    @on(ClusterSize)
    def cluster_is(self, message: ClusterSize, sender: ActorAddress) -> None:
        self._throttles.cluster_size = message.size

    @on(DocumentsDoubted)
    def documents_doubted(self, message: DocumentsDoubted, sender: ActorAddress) -> None:
        self._api.api.repository.doubt(message.doc_ids)

    @on(HearsOthers)
    def hears_others(self, message: HearsOthers, sender: ActorAddress) -> None:
        self._api.api.repository.hears = message.sure

    def controllers_are(self, ids: frozenset[str]) -> None:
        self.tell(self._membership, ControllersKnown(ids))

    @on(Accepting)
    def accepting(self, message: Accepting, sender: ActorAddress) -> None:
        self._publisher.accepting(message)

    @on(Answer)
    def answered(self, message: Answer, sender: ActorAddress) -> None:
        """Where its record is written by the invoker, this controller does not hear when."""
        if self.keeps_all_records:
            super().answered(message, sender)
        else:
            self._publisher.answered(message)

    # -- calls of a former life

    @on(_LookForLost)
    def look_for_lost(self, message: _LookForLost, sender: ActorAddress) -> None:
        self.start_timer("lost", LOST_SECONDS, message)
        if self._store is not None:
            self.spawn(self._end_lost(self._store, int(time.time() * 1000)), name="lost calls")

    async def _end_lost(self, store: Store, now: int) -> None:
        setup = self._setup
        patience = CompletionTimeout(setup.timeout_factor, setup.timeout_addon).seconds(self._cluster.time_max)
        life = self._remote.acceptor.life if self._remote else ""
        before = FormerLife(self._began, patience, life, self._controllers_there())
        try:
            await end_lost_calls(store.activations, now, lambda one: before.lost(one, now))
        except StoreError as error:
            self.log.warning("calls that were lost cannot be looked for: %s", error)

    def _controllers_there(self) -> Container[str]:
        """Those that may keep calls of theirs in this one's store."""
        return self._hubs.there(time.monotonic()) if self._hubs is not None else ()

    # -- end

    @on(StopRole)
    def drain(self, message: StopRole, sender: ActorAddress) -> None:
        if self._server is not None:
            self.tell(self._membership, Leave())
        super().drain(message, sender)

    @on(RoleStopped)
    def drained(self, message: RoleStopped, sender: ActorAddress) -> None:
        self.last_heartbeat()
        self.spawn(self._leave(), done=lambda _: _Closed(message), failed=lambda _: _Closed(message))

    async def _leave(self) -> None:
        """Nobody misses it then, as they would one that died."""
        if self._store is not None:
            with suppress(StoreError, TimeoutError):
                async with asyncio.timeout(LEAVE_SECONDS):
                    await give_place_up(self._store.entities, self.role, self._cluster.host)
        async with asyncio.timeout(5):
            if self._remote is not None:
                with suppress(StoreError):
                    await self._remote.close()
            await MESSAGING.close()

    @on(_Closed)
    def closed(self, message: _Closed, sender: ActorAddress) -> None:
        self.tell(self._drained_to, message.stopped)

    def on_child_exited(self, address: ActorAddress) -> None:
        """One process holds all of them: none ends alone unless something is wrong."""
        if not self._draining:
            self._give_up("an actor of the controller ended")


async def _put(store: Store, document: dict[str, object]) -> None:
    """Creates it, or brings it up to date."""
    try:
        await store.entities.put(document)
    except DocumentConflict:
        known = await store.entities.get(str(document["_id"]))
        if {**known, "updated": 0, "_rev": ""} != {**document, "updated": 0, "_rev": ""}:
            await store.entities.put({**document, "_rev": known["_rev"]})
