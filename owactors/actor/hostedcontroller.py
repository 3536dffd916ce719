"""A controller as a part of its host and of its cluster.

It tells what a host must know that joins, hears of all hosts and shows them to the operator, and gives up when another
one has its id.
"""

from __future__ import annotations

import time
from typing import Any

from attrs import frozen
from thespian.actors import ActorAddress

from owactors.actor.clustersetup import ClusterControllerSetup
from owactors.actor.controller import Controller
from owactors.actor.conventionhints import ConventionHints, HintsSetup
from owactors.actor.hostbeat import BeatNow, BeatSetup, HostBeat, HostReader, HostReaderSetup
from owactors.actor.io import on
from owactors.actor.switchedinvoker import LOOK_SECONDS, REPLACED
from owactors.core.loadbalancer.hosts import Hosts
from owactors.entity.instance import ControllerInstanceId
from owactors.message.node import AskCluster, AskConvention, ClusterFacts, ConventionAt, RoleReplaced, StoreKeeper
from owactors.observe.hostfacts import fingerprint
from owactors.rest.administration import AdministeredHosts, shown_hosts
from owactors.store.clusterhosts import CONTROLLER, DOCUMENT, controllers_of, holder_of, want
from owactors.store.instanceids import instance_id
from owactors.store.port import Store

TAKEN = "a host named {} is in the cluster already ({}, {}): stop that one, or give this one another name with --name."


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


class HostedController(Controller):
    """See the module's text."""

    def belong_to(self, setup: ClusterControllerSetup) -> None:
        """Before anything else."""
        self._cluster, self._instance = setup.cluster, ControllerInstanceId(setup.instance)
        self._shared, self._operators_key = setup.shared, setup.operators_key
        self._convention = setup.convention
        self._shares_store = setup.store.backend == "couchdb"
        #: another controller, whose documents are the ones of this one, too
        self._keeper = setup.keeper
        #: with a store of its own this controller keeps the records of all invokers
        self.keeps_all_records = not self._shares_store and self._keeper is None
        self._hosts_heard = Hosts()
        self._leaving = self._replaced = False

    @property
    def role(self) -> str:
        """As the hosts know it."""
        return f"{CONTROLLER}{self._instance.as_string}"

    def _store_kind(self) -> str:
        return super()._store_kind() if self._keeper is None else f"controller {self._keeper.controller}"

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
        other = self._hosts_heard.other_of_name(message.name, message.node, message.roles, time.monotonic())
        if other is not None:
            return ClusterFacts(refused=TAKEN.format(message.name, other.address or "another data folder", other.role))
        number = await instance_id(store.entities, message.name) if message.invoker else -1
        return ClusterFacts(dict(self._shared), self._store_keeper(), number)

    def _store_keeper(self) -> StoreKeeper | None:
        """Whoever has the documents, if that is not a server which each host reaches by itself."""
        here = None if self._shares_store else StoreKeeper(self.myAddress, self._instance.as_string)
        return self._keeper or here

    @on(AskConvention)
    def ask_convention(self, message: AskConvention, sender: ActorAddress) -> None:
        self.tell(sender, ConventionAt(self._convention))

    @on(_Say)
    def say(self, message: _Say, sender: ActorAddress) -> None:
        self.tell(message.to, message.what)

    # -- heartbeats

    def begin_heartbeat(self, writer: ActorAddress, balancer: ActorAddress | None) -> None:
        """This role is heard of, and hears; `balancer` is told of what concerns it."""
        cluster, setup = self._cluster, self._setup
        about = HostReaderSetup(self._hosts_heard, balancer, cluster.messaging, cluster.topics, self._instance)
        self.tell(self.create(HostReader), about)
        if self._convention:
            self.tell(self.create(ConventionHints), HintsSetup(self._hosts_heard))
        self._beat = self.create(HostBeat)
        address = f"{setup.host}:{setup.port}"
        self.tell(self._beat, BeatSetup(writer, cluster.topics, cluster.host, self.role, self._how, address))
        self.start_timer("look", LOOK_SECONDS, _Look())

    def last_heartbeat(self) -> None:
        """It leaves."""
        self._leaving = True
        self.tell(self._beat, BeatNow())

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
        if message.document:
            self.controllers_are(controllers_of(message.document))
        holder = holder_of(message.document, self.role)
        if holder is not None and holder != self._cluster.host and not self._replaced:
            self._replaced = True
            self.cancel_timer("look")
            self.tell(self._beat, BeatNow())
            self.tell(self._supervisor, RoleReplaced(REPLACED.format(self.role, holder.name)))

    def controllers_are(self, ids: frozenset[str]) -> None:
        """All that are in the store that they share, this one among them; told every two seconds."""

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
