"""The controller: opens the store, serves the HTTP API, and hands activations to its load balancer.

It is the store actor too: what the invoker fetches and stores goes through the one process that has the store open.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

from attrs import evolve, frozen
from thespian.actors import ActorAddress

from owactors import __version__
from owactors.actor.awaitedrecords import AwaitedRecords
from owactors.actor.controllersetup import ControllerSetup
from owactors.actor.httpserver import HttpServer, PortTaken, listening_socket
from owactors.actor.io import on
from owactors.actor.loadbalancer import LoadBalancer
from owactors.actor.lostcalls import end_lost_calls
from owactors.actor.metricsreporter import MetricsReport
from owactors.actor.publisher import ActorPublisher
from owactors.actor.recordfollowers import Follower, RecordFollowers, followed
from owactors.actor.store import StoreActor, keep_records
from owactors.actor.storyteller import StoryTeller
from owactors.actor.turns import TurnTaker
from owactors.core.controller.throttle import Throttles
from owactors.core.parameterencryption import ParameterEncryption
from owactors.entity.instance import ControllerInstanceId
from owactors.entity.subject import SubjectDocument
from owactors.message.livelogs import FollowLogs, PrintedLines, UnfollowLogs
from owactors.message.loadbalancer import Answer, BalancerSetup, Freed, InvokerGone, InvokerUp, Publish, Refused
from owactors.message.node import ControllerUp, RoleFailed, RoleStopped, StopRole
from owactors.message.store import DocumentConflict, Stored, StoreError, StoreRecords
from owactors.message.story import StoryTold, TellStory
from owactors.observe.metrics import METRICS, Snapshot, expose
from owactors.observe.stories import STORIES
from owactors.rest.administration import Administered, AdministeredHosts, shown_upkeep
from owactors.rest.application import Application
from owactors.rest.ports import Services
from owactors.rest.telling import Telling
from owactors.store.open import open_store
from owactors.store.port import Store
from owactors.store.userlogs import logs_of

DRAIN_POLL = 0.02
#: seconds at the end of a drain to answer calls that are still under way
ANSWER_SECONDS = 1.0
WHO = "controller"
_WAITING = {True: "accepted, and somebody waits for the result", False: "accepted, and nobody waits for the result"}


@frozen(eq=False)
class _Ready:
    """To self: the store is open and holds what it must."""

    store: Store


@frozen
class _NotReady:
    """To self: the store cannot be opened."""

    reason: str


@frozen
class _ServerEnded:
    """To self: the HTTP server has stopped; `reason` says why if it was not asked to."""

    reason: str | None


class Controller(StoreActor, TurnTaker):
    """See the module's text. One per node; its parent is the supervisor."""

    #: false where invokers write records without this controller
    keeps_all_records = True

    def __init__(self) -> None:
        super().__init__()
        self._server: HttpServer | None = None
        self._serving = self._draining = False
        self._reports: dict[str, Snapshot] = {}
        self._started = int(time.time() * 1000)
        self._followers = RecordFollowers(self._ask_invokers)
        self._stories = StoryTeller(self._ask_invokers)
        #: those that this controller can speak to
        self._invokers: dict[int, ActorAddress] = {}

    # -- start

    @on(ControllerSetup)
    def setup(self, message: ControllerSetup, sender: ActorAddress) -> None:
        self.take_turns()
        self._setup, self._supervisor = message, sender
        try:
            self._socket = listening_socket(message.host, message.port)
        except PortTaken as taken:
            self._give_up(str(taken))
            return
        self.spawn(self._prepare(message), done=_Ready, failed=lambda cause: _NotReady(_reason(cause)))

    @on(_NotReady)
    def not_ready(self, message: _NotReady, sender: ActorAddress) -> None:
        self._socket.close()
        self._give_up(message.reason)

    def _give_up(self, reason: str) -> None:
        self.tell(self._supervisor, RoleFailed(reason))
        self.stop()

    @on(_Ready)
    def ready(self, message: _Ready, sender: ActorAddress) -> None:
        self._owned = True
        order, store = self._setup.store, followed(message.store, self._followers)
        self._begin(store, order.policy, order.retention)
        self._balancer = self._create_balancer()
        self._publisher = ActorPublisher(self._send)
        self._records = AwaitedRecords(store.activations)
        self._api = self._application(store)
        self._server = HttpServer(self._api, self._socket)
        self.tell(self._supervisor, ControllerUp(self._server.port, self._balancer, self.myAddress))
        self._ready_to_serve()

    def _ready_to_serve(self) -> None:
        """The first invoker opens the door; a controller that does not start one opens it here."""

    async def _prepare(self, setup: ControllerSetup) -> Store:
        """The open store: with the subjects that must be there, and every call that was lost ended."""
        store = await opened_store(setup)
        await end_lost_calls(store.activations, int(time.time() * 1000))
        return store

    def _create_balancer(self) -> ActorAddress:
        balancer = self.create(LoadBalancer)
        setup = BalancerSetup(self.myAddress, self._setup.timeout_factor, self._setup.timeout_addon)
        self.tell(balancer, setup)
        return balancer

    def _send(self, message: Publish) -> None:
        msg = message.msg
        STORIES.begin(msg.activation_id, msg.user.namespace.name)
        STORIES.note(msg.activation_id, WHO, "%s: %s", msg.action, _WAITING[msg.blocking])
        self.into_turn(lambda: self.tell(self._balancer, message))

    def _application(self, store: Store) -> Application:
        keys = self._admin_keys()
        administered = (
            Administered(keys, store.subjects, self._status, self._hosts_administered(store)) if keys else None
        )
        telling = Telling(self._stories.tell, self._following(), self._logs_of())
        return Application(self._services(store), administered, telling)

    def _following(self) -> Callable[[str, str | None, bool], Follower]:
        """How clients follow records and lines."""
        return self._followers.follow

    def _admin_keys(self) -> tuple[str, ...]:
        """Each opens the routes for the operator."""
        return (self._setup.admin_key,) if self._setup.admin_key else ()

    def _hosts_administered(self, store: Store) -> AdministeredHosts | None:
        """The hosts of a cluster, None where there is none."""
        return None

    def _logs_of(self) -> Callable[[str, int], Awaitable[tuple[str, ...] | None]] | None:
        folder = self._setup.log_folder
        return partial(logs_of, folder) if folder else None

    def _ask_invokers(self, question: TellStory | FollowLogs | UnfollowLogs) -> int:
        for address in self._invokers.values():
            self.into_turn(partial(self.tell, address, question))
        return len(self._invokers)

    @on(StoryTold)
    def story_told(self, message: StoryTold, sender: ActorAddress) -> None:
        self.into_loop(partial(self._stories.heard, message))

    @on(PrintedLines)
    def printed(self, message: PrintedLines, sender: ActorAddress) -> None:
        """What running activations print, for a client that follows them."""
        self.into_loop(partial(self._followers.printed, message))

    def _status(self) -> dict[str, Any]:
        """How this controller is, for the operator."""
        assert self._store is not None
        return {
            "version": __version__,
            "started": self._started,
            "activationsInFlight": len(self._publisher.active()),
            "invokers": dict(self._publisher.invoker_states()),
            "store": {
                "backend": self._store_kind(),
                "trouble": self._store.trouble,
                "upkeep": shown_upkeep(self._retention.upkeep if self._retention else None),
            },
        }

    def _store_kind(self) -> str:
        """What the operator is told of the store."""
        return self._setup.store.backend

    def _services(self, store: Store) -> Services:
        setup = self._setup
        throttles = setup.throttles
        return Services(
            entities=store.entities,
            activations=self._records,
            subjects=store.subjects,
            publisher=self._publisher,
            manifest=setup.manifest,
            settings=setup.rest,
            throttles=Throttles(
                throttles.invocations_per_minute, throttles.concurrent_invocations, throttles.fires_per_minute
            ),
            now=lambda: int(time.time() * 1000),
            monotonic=time.monotonic,
            instance=ControllerInstanceId(setup.instance),
            lock=ParameterEncryption(setup.encryption.current, setup.encryption.keys, os.urandom).lock,
            metrics=self._exposed if setup.metrics else None,
        )

    # -- metrics

    @on(MetricsReport)
    def metrics_reported(self, message: MetricsReport, sender: ActorAddress) -> None:
        self._reports[message.source] = message.snapshot

    def _exposed(self) -> bytes:
        """The figures of this process and of those that report to it, in Prometheus' text form."""
        return expose([METRICS.snapshot(), *self._reports.values()])

    # -- the load balancer's words

    @on(Answer)
    def answered(self, message: Answer, sender: ActorAddress) -> None:
        STORIES.note(message.activation_id, WHO, "the result is here; who waits for it is answered")
        self.into_loop(partial(self._answer, message))

    def _answer(self, message: Answer) -> None:
        user, record = self._publisher.answered(message), message.response
        if user is None or isinstance(record, str):
            return
        if self._setup.store.policy.keeps(record, user, blocking=True):
            self._records.expect(record.namespace, message.activation_id)

    @on(Freed)
    def freed(self, message: Freed, sender: ActorAddress) -> None:
        STORIES.note(message.activation_id, WHO, "it is over; its slot is free")
        self.into_loop(partial(self._publisher.freed, message))

    @on(Refused)
    def refused(self, message: Refused, sender: ActorAddress) -> None:
        STORIES.note(message.activation_id, WHO, "refused: %s", message.reason)
        self.into_loop(partial(self._publisher.refused, message))

    # -- the invoker's records

    @on(StoreRecords)
    def store_records(self, message: StoreRecords, sender: ActorAddress) -> None:
        """As the store actor does; who waits for one of them is told."""
        keys = [*(entry.key for entry in message.entries), *message.dismissed]
        self._serve(message, sender, lambda store: self._keep(store, message, keys), lambda _: Stored(message.request))

    async def _keep(self, store: Store, message: StoreRecords, keys: list[tuple[str, str]]) -> None:
        try:
            await keep_records(store, message)
        finally:
            self._records.arrived(keys)

    # -- the supervisor's words

    @on(InvokerUp)
    def invoker_up(self, message: InvokerUp, sender: ActorAddress) -> None:
        """The first one opens the door: who was let in before could only be refused."""
        self.tell(self._balancer, message)
        self._invokers[message.instance] = message.address
        for wanted in self._followers.live:
            self.tell(message.address, wanted)
        self.into_loop(partial(self._publisher.invoker_is, message.instance, "up"))
        self._open_door()

    def _open_door(self) -> None:
        if self._server is not None and not self._serving:
            self._serving = True
            self.spawn(
                self._server.serve(), done=lambda _: _ServerEnded(None), failed=lambda e: _ServerEnded(_reason(e))
            )

    @on(InvokerGone)
    def invoker_gone(self, message: InvokerGone, sender: ActorAddress) -> None:
        self._invokers.pop(message.instance, None)
        self.into_loop(partial(self._publisher.invoker_is, message.instance, "down"))
        self.tell(self._balancer, message)

    @on(StopRole)
    def drain(self, message: StopRole, sender: ActorAddress) -> None:
        """Stops listening; what is under way is answered, as far as the time allows."""
        self._draining = True
        self._followers.close()
        if self._server is None:
            self.tell(sender, RoleStopped())
            return
        self._server.stop(message.seconds - ANSWER_SECONDS)
        self.spawn(self._quiet(message.seconds), done=RoleStopped, name="drain")
        self._drained_to = sender

    async def _quiet(self, seconds: float) -> int:
        deadline = time.monotonic() + seconds
        while self._under_way() and time.monotonic() < deadline:
            await asyncio.sleep(DRAIN_POLL)
        return self._under_way()

    def _under_way(self) -> int:
        """Activations in flight, and sequences that may be between two of them."""
        return len(self._publisher.active()) + self._api.api.chains.under_way

    @on(RoleStopped)
    def drained(self, message: RoleStopped, sender: ActorAddress) -> None:
        self.tell(self._drained_to, message)

    @on(_ServerEnded)
    def server_ended(self, message: _ServerEnded, sender: ActorAddress) -> None:
        if not self._draining:
            self._give_up(f"the HTTP server ended: {message.reason or 'it was stopped'}")

    def on_child_exited(self, address: ActorAddress) -> None:
        """Without its load balancer nothing is answered: the supervisor starts the controller anew."""
        if not self._draining:
            self._give_up("the load balancer ended")


def _reason(cause: BaseException) -> str:
    return str(cause) if isinstance(cause, StoreError) else f"{type(cause).__name__}: {cause}"


async def opened_store(setup: ControllerSetup) -> Store:
    """The open store, with the subjects that must be there. StoreUnavailable."""
    loop = asyncio.get_running_loop()
    couchdb = setup.store.couchdb and evolve(setup.store.couchdb, owner=setup.instance)
    store = await loop.run_in_executor(None, open_store, setup.store.backend, Path(setup.store.folder), couchdb)
    await ensure_subjects(store, setup)
    return store


async def ensure_subjects(store: Store, setup: ControllerSetup) -> None:
    """Those that must be there are. StoreUnavailable."""
    for subject in setup.subjects:
        await _ensure(store, subject)


async def _ensure(store: Store, subject: SubjectDocument) -> None:
    try:
        await store.subjects.put(subject.to_document())
    except DocumentConflict:
        pass  # it is there, perhaps with other namespaces or blocked: that is the operator's choice
