"""The controller of a cluster: its invokers are other processes, perhaps on other hosts, behind a broker.

It has topics for its acknowledgements and hears the pings, the other controllers and what they changed. Records are
written by whoever ran the activation; here only those of calls that never came to an end. (OpenWhisk,
Controller.scala.)
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

from attrs import frozen
from thespian.actors import ActorAddress

from owactors.actor.busmessaging import BusSettings
from owactors.actor.cacheinvalidation import CacheInvalidation, InvalidationSetup
from owactors.actor.clustermembership import ClusterMembership, MembershipSetup
from owactors.actor.clustersetup import ClusterControllerSetup
from owactors.actor.controller import Controller, opened_store
from owactors.actor.controllersetup import ControllerSetup
from owactors.actor.handingover import HandingOverBalancer, HandingOverSetup
from owactors.actor.hostbeat import BeatNow, BeatSetup, HostBeat, HostReader, HostReaderSetup
from owactors.actor.hub import Hub
from owactors.actor.invokersupervision import Supervision, SupervisionSetup
from owactors.actor.io import on
from owactors.actor.lostcalls import FormerLife, end_lost_calls
from owactors.actor.messaging import MESSAGING
from owactors.actor.postman import Postman, PostmanSetup
from owactors.actor.shardingbalancer import ShardingBalancer
from owactors.actor.switchedinvoker import LOOK_SECONDS, REPLACED
from owactors.actor.topicwriter import TopicWriter
from owactors.connector.http.settings import HttpFirstSettings, underlying
from owactors.core.loadbalancer.healthaction import health_action
from owactors.core.loadbalancer.hosts import Hosts
from owactors.core.loadbalancer.slots import CompletionTimeout
from owactors.entity.identity import Identity
from owactors.entity.instance import ControllerInstanceId
from owactors.message.bus import Hubs, JoinBus
from owactors.message.cache import CacheInvalidationMessage, CacheKey
from owactors.message.event import EventBody, EventMessage
from owactors.message.loadbalancer import Answer
from owactors.message.member import ClusterSize, Leave
from owactors.message.node import AskCluster, ClusterFacts, RoleReplaced, RoleStopped, StopRole
from owactors.message.store import DocumentConflict, StoreError
from owactors.message.supervision import CacheInvalid, InvokerStates
from owactors.message.topic import Write, WriterSetup
from owactors.observe.hostfacts import fingerprint
from owactors.rest.administration import AdministeredHosts, shown_hosts
from owactors.rest.ports import Services
from owactors.store.clusterhosts import DOCUMENT, holder_of, take_place, want
from owactors.store.instanceids import instance_id
from owactors.store.port import Store

LOST_SECONDS = 30.0
#: a controller that did not ask for so long has no hub any more
HUB_SECONDS = 10.0
TAKEN = "a host named {} is in the cluster already ({}, {}): stop that one, or give this one another name with --name."


@frozen
class _LookForLost:
    """To self: calls of a former life of this controller may have come to their end, or never will."""


@frozen
class _Look:
    """To self: is this still the controller of its id?"""


@frozen(eq=False)
class _Found:
    """To self: what the cluster agrees on."""

    document: dict[str, Any]


@frozen(eq=False)
class _Say:
    """To self: what to tell whom."""

    to: Any
    what: Any


@frozen
class _Closed:
    """To self: the broker is left."""

    stopped: RoleStopped


class ClusterController(Controller):
    """First message: ClusterControllerSetup."""

    @on(ControllerSetup)
    def setup(self, message: ControllerSetup, sender: ActorAddress) -> None:
        assert isinstance(message, ClusterControllerSetup)
        self._cluster, self._instance = message.cluster, ControllerInstanceId(message.instance)
        self._shared, self._operators_key = message.shared, message.operators_key
        #: with a store of its own this controller keeps the records of all invokers
        self.keeps_all_records = not self._shares_store(message)
        self._began = int(time.time() * 1000)
        self._hubs: dict[str, tuple[Any, float]] = {}
        self._hosts_heard = Hosts()
        self._leaving = self._replaced = False
        bus = underlying(self._cluster.messaging)
        if isinstance(bus, BusSettings):
            self._start_bus(bus)
        super().setup(message, sender)

    def _shares_store(self, setup: ControllerSetup) -> bool:
        return setup.store.backend == "couchdb"

    # -- the bus, where there is no broker

    def _start_bus(self, bus: BusSettings) -> None:
        self._hub = self.create(Hub)
        self.tell(self.create(Postman), PostmanSetup(bus, bus.entrances, bus.controller, self._hub))

    @on(JoinBus)
    def join_bus(self, message: JoinBus, sender: ActorAddress) -> None:
        """Somebody says that it is there: it hears of all the hubs that were heard of."""
        now = time.monotonic()
        if message.hub is not None:
            self._hubs[message.controller] = (message.hub, now)
        self._hubs = {name: (hub, heard) for name, (hub, heard) in self._hubs.items() if now - heard < HUB_SECONDS}
        hubs = {name: hub for name, (hub, _) in self._hubs.items()}
        self.tell(sender, Hubs({**hubs, self._instance.as_string: self._hub}))

    # -- a host joins

    @on(AskCluster)
    def ask_cluster(self, message: AskCluster, sender: ActorAddress) -> None:
        if self._store is None:
            self.stash()
            return
        self.spawn(
            self._facts(self._store, message),
            done=lambda facts: _Say(sender, facts),
            failed=lambda cause: _Say(sender, ClusterFacts(refused=str(cause) or repr(cause))),
        )

    async def _facts(self, store: Store, message: AskCluster) -> ClusterFacts:
        """StoreUnavailable."""
        other = self._hosts_heard.other_of_name(message.name, message.node, time.monotonic())
        if other is not None:
            return ClusterFacts(refused=TAKEN.format(message.name, other.address or "another data folder", other.role))
        number = await instance_id(store.entities, message.name) if message.invoker else -1
        return ClusterFacts(dict(self._shared), None if self._shares_store(self._setup) else self.myAddress, number)

    @on(_Say)
    def say(self, message: _Say, sender: ActorAddress) -> None:
        self.tell(message.to, message.what)

    async def _prepare(self, setup: ControllerSetup) -> Store:
        """The open store and all topics; the action that tests invokers is there."""
        store = await opened_store(setup)
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
        await take_place(store.entities, self._role(), self._cluster.host)
        return store

    def _role(self) -> str:
        return f"controller{self._instance.as_string}"

    def _create_balancer(self) -> ActorAddress:
        cluster, setup = self._cluster, self._setup
        self._writer = self.create(TopicWriter)
        self.tell(self._writer, WriterSetup(cluster.messaging))
        hands_over = cluster.accepted_once and not isinstance(cluster.messaging, HttpFirstSettings)
        supervision = self.create(Supervision)
        balancer = self.create(HandingOverBalancer if hands_over else ShardingBalancer)
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
            shared_topic=not isinstance(cluster.messaging, BusSettings),
        )
        self.tell(balancer, sharding)
        shared = (cluster.messaging, cluster.topics, self._instance)
        self.tell(supervision, SupervisionSetup(balancer, self.myAddress, *shared))
        self._membership = self.create(ClusterMembership)
        listeners = (balancer, self.myAddress)
        self.tell(self._membership, MembershipSetup(listeners, supervision, self._writer, *shared))
        self.tell(self.create(CacheInvalidation), InvalidationSetup(self.myAddress, *shared))
        self.tell(
            self.create(HostReader), HostReaderSetup(self._hosts_heard, balancer if hands_over else None, *shared)
        )
        self._beat = self.create(HostBeat)
        address = f"{setup.host}:{setup.port}"
        self.tell(self._beat, BeatSetup(self._writer, cluster.topics, cluster.host, self._role(), self._how, address))
        self.start_timer("look", LOOK_SECONDS, _Look())
        return balancer

    def _how(self) -> tuple[str, int]:
        """State and load for the heartbeat."""
        state = "stopped" if self._leaving else "stopping" if self._draining else "enabled"
        return "replaced" if self._replaced else state, len(self._publisher.active())

    # -- another one with the same id

    @on(_Look)
    def look(self, message: _Look, sender: ActorAddress) -> None:
        self.start_timer("look", LOOK_SECONDS, message)
        if self._store is not None:
            self.spawn(self._store.entities.get(DOCUMENT), done=_Found, failed=lambda _: _Found({}), name="look")

    @on(_Found)
    def found(self, message: _Found, sender: ActorAddress) -> None:
        holder = holder_of(message.document, self._role())
        if holder is not None and holder != self._cluster.host and not self._replaced:
            self._replaced = True
            self.cancel_timer("look")
            self.tell(self._beat, BeatNow())
            self.tell(self._supervisor, RoleReplaced(REPLACED.format(self._role(), holder.name)))

    def _services(self, store: Store) -> Services:
        services = super()._services(store)
        services.changed = self._changed
        if self._cluster.user_events:
            services.event = self._event
        self._throttles = services.throttles
        return services

    def _ready_to_serve(self) -> None:
        """Without an invoker calls are refused after a while; everything else is served."""
        self._open_door()
        self.start_timer("lost", LOST_SECONDS, _LookForLost())

    # -- the operator's view of the hosts

    def _admin_keys(self) -> tuple[str, ...]:
        return tuple(key for key in (*super()._admin_keys(), self._operators_key) if key)

    def _hosts_administered(self, store: Store) -> AdministeredHosts:
        heard = self._hosts_heard
        return AdministeredHosts(
            view=lambda: shown_hosts(heard.view(time.monotonic(), self._health()), fingerprint()),
            invokers=lambda: heard.names("invoker"),
            names=lambda: heard.names(""),
            want=lambda name, wanted: want(store.entities, name, wanted),
        )

    def _health(self) -> dict[str, str]:
        """Without the names that an invoker may have beside its number."""
        return {name.partition("/")[0]: state for name, state in self._publisher.invoker_states().items()}

    # -- what others are told

    def _changed(self, doc_id: str) -> None:
        value = CacheInvalidationMessage(CacheKey(doc_id), str(self._instance)).to_json()
        topic = self._cluster.topics.cache_invalidation().name
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
        before = FormerLife(self._began, patience)
        try:
            await end_lost_calls(store.activations, now, lambda one: before.lost(one, now))
        except StoreError as error:
            self.log.warning("calls that were lost cannot be looked for: %s", error)

    # -- end

    @on(StopRole)
    def drain(self, message: StopRole, sender: ActorAddress) -> None:
        if self._server is not None:
            self.tell(self._membership, Leave())
        super().drain(message, sender)

    @on(RoleStopped)
    def drained(self, message: RoleStopped, sender: ActorAddress) -> None:
        self._leaving = True
        self.tell(self._beat, BeatNow())
        self.spawn(_leave(), done=lambda _: _Closed(message), failed=lambda _: _Closed(message))

    @on(_Closed)
    def closed(self, message: _Closed, sender: ActorAddress) -> None:
        self.tell(self._drained_to, message.stopped)

    def on_child_exited(self, address: ActorAddress) -> None:
        """One process holds all of them: none ends alone unless something is wrong."""
        if not self._draining:
            self._give_up("an actor of the controller ended")


async def _leave() -> None:
    async with asyncio.timeout(5):
        await MESSAGING.close()


async def _put(store: Store, document: dict[str, object]) -> None:
    """Creates it, or brings it up to date."""
    try:
        await store.entities.put(document)
    except DocumentConflict:
        known = await store.entities.get(str(document["_id"]))
        if {**known, "updated": 0, "_rev": ""} != {**document, "updated": 0, "_rev": ""}:
            await store.entities.put({**document, "_rev": known["_rev"]})
