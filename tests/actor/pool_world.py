"""A small node for tests of real systems: a root actor with store, invoker, pool and proxies; importable everywhere.

Everything goes through messages and a folder, so that each actor may have a process of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path
from typing import Any

from attrs import evolve, field, frozen
from thespian.actors import ActorAddress

from owactors.actor.containerpool import ContainerPool
from owactors.actor.invoker import Invoker, InvokerSetup
from owactors.actor.io import IoActor, on
from owactors.actor.store import OpenStore, StoreActor, StoreOpened
from owactors.actor.storeclient import StoreUser
from owactors.container.memory.container import MemoryContainer
from owactors.container.memory.factory import MemoryFactory
from owactors.container.port import ContainerSpec
from owactors.core.containerpool.settings import PoolSettings
from owactors.entity.exec import CodeExec
from owactors.entity.ids import DocRevision
from owactors.entity.limits import Bounds, LimitBounds
from owactors.entity.manifest import ExecManifest, ImageName, RuntimeManifest
from owactors.message.ack import CombinedCompletionAndResultMessage, CompletionMessage, ResultMessage
from owactors.message.activation import ActivationMessage
from owactors.message.container import ContainerDestroyed, ContainerRemoved, Dismiss, ProxySettings, ProxySetup, Run
from owactors.message.pool import Drain, Drained
from owactors.message.store import NoDocument
from owactors.store.open import open_store
from tests.actor.pooling import INSTANCE
from tests.core.pool_bench import action, run_of

PYTHON = "python:3"
MANIFEST = ExecManifest({PYTHON: RuntimeManifest(PYTHON, ImageName("python"))}, {})


@frozen
class Begin:
    """To the root: run so many calls at once in a pool of so much memory (MB), spread over `actions` actions.

    The store and marks of the containers are in `folder`. With `pids` proxies only leave their process ids there.
    """

    calls: int
    user_memory: int
    folder: str
    actions: int = 1
    concurrency: int = 1
    pids: str = ""


@frozen
class Look:
    """To the root: the report again, if there is one already."""


@frozen
class Report:
    """From the root: what came back, what is on record, and the most containers there were at a time."""

    acks: int
    different: int
    records: int
    successes: int
    most_containers: int
    containers_left: int
    errors: tuple[str, ...] = field(default=())


@frozen
class _Ready:
    """To self: the actions are stored."""

    revisions: tuple[str, ...]


@frozen
class _Counted:
    """To self: what the store has."""

    records: list[dict[str, Any]]


async def work(arguments: Any) -> Any:
    """The action."""
    await asyncio.sleep(0.002)
    return {"ok": True}


class MarkingFactory(MemoryFactory):
    """In-process containers, each with a file in a folder as long as it lives."""

    def __init__(self, folder: str) -> None:
        super().__init__({f"a{number}": work for number in range(100)})
        self._folder = Path(folder)

    async def create(self, spec: ContainerSpec) -> MemoryContainer:
        container = await super().create(spec)
        (self._folder / container.id).touch()
        return container

    def _forget(self, container: MemoryContainer) -> None:
        super()._forget(container)
        (self._folder / container.id).unlink(missing_ok=True)


class Sleeper(IoActor):
    """A proxy of its own process that runs nothing. It leaves its pid in the folder that the setup names."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = ""

    @on(ProxySetup)
    def set_up(self, message: ProxySetup, sender: ActorAddress) -> None:
        self._folder = message.factory_settings

    @on(Run)
    def run(self, message: Run, sender: ActorAddress) -> None:
        (Path(self._folder) / str(os.getpid())).touch()

    @on(object)
    def leave(self, message: object, sender: ActorAddress) -> None:
        if isinstance(message, Dismiss):
            self.stop()
        else:
            self.tell(sender, ContainerRemoved(False))
            self.tell(sender, ContainerDestroyed())


class SleepingPool(ContainerPool):
    proxy_class = Sleeper


class SleepingInvoker(Invoker):
    pool_class = SleepingPool


class Root(StoreUser):
    """Begin in, Report out."""

    def __init__(self) -> None:
        super().__init__()
        self.acks: list[Any] = []
        self.most = 0
        self.report: Report | None = None

    @on(Begin)
    def begin(self, message: Begin, sender: ActorAddress) -> None:
        self.asker, self.order = sender, message
        self.marks = Path(message.folder, "containers")
        self.marks.mkdir(parents=True)
        self.spawn(self._prepare(), done=_Ready)

    async def _prepare(self) -> tuple[str, ...]:
        store = open_store("sqlite", Path(self.order.folder))
        try:
            return tuple([await store.entities.put(what.to_document()) for what in self._actions()])
        finally:
            await store.close()

    def _actions(self) -> list[Any]:
        concurrency = self.order.concurrency
        what = action(concurrency=concurrency, kind=PYTHON)
        return [evolve(what, name=f"a{n}", exec=CodeExec(PYTHON, "x")) for n in range(self.order.actions)]

    @on(_Ready)
    def ready(self, message: _Ready, sender: ActorAddress) -> None:
        self.revisions = message.revisions
        self.keeper = self.create(StoreActor)
        self.tell(self.keeper, OpenStore("sqlite", self.order.folder))

    @on(StoreOpened)
    def opened(self, message: StoreOpened, sender: ActorAddress) -> None:
        self.use_store(self.keeper)
        sleeping = bool(self.order.pids)
        self.invoker = self.create(SleepingInvoker if sleeping else Invoker)
        pool = PoolSettings(self.order.user_memory)
        proxies = ProxySettings(INSTANCE, pause_grace=None)
        bounds = LimitBounds(concurrency=Bounds(1, 1, 100))
        about = InvokerSetup(INSTANCE, pool, proxies, MANIFEST, self.keeper, self.myAddress, bounds=bounds)
        where = self.order.pids if sleeping else str(self.marks)
        self.tell(self.invoker, evolve(about, factory_settings=where, colocate=not sleeping))
        actions = self._actions()
        for call in range(self.order.calls):
            number = call % len(actions)
            self.tell(self.invoker, order(actions[number], self.revisions[number]))

    def _containers(self) -> int:
        return len(list(self.marks.iterdir()))

    @on(ResultMessage)
    def result(self, message: ResultMessage, sender: ActorAddress) -> None:
        """The slot is freed by what comes after."""

    @on(CompletionMessage, CombinedCompletionAndResultMessage)
    def acknowledged(self, message: Any, sender: ActorAddress) -> None:
        self.acks.append(message)
        self.most = max(self.most, self._containers())
        if len(self.acks) == self.order.calls:
            self.tell(self.invoker, Drain())

    @on(Drained)
    def drained(self, message: Drained, sender: ActorAddress) -> None:
        self.spawn(self._records(), done=_Counted)

    async def _records(self) -> list[dict[str, Any]]:
        """Those that can be found."""
        found = []
        for ack in self.acks:
            with contextlib.suppress(NoDocument):
                found.append(await self.store.record("guest", str(ack.activation_id)))
        return found

    @on(_Counted)
    def counted(self, message: _Counted, sender: ActorAddress) -> None:
        responses = [record["response"] for record in message.records]
        self.report = Report(
            acks=len(self.acks),
            different=len({ack.activation_id for ack in self.acks}),
            records=len(message.records),
            successes=sum(response["statusCode"] == 0 for response in responses),
            most_containers=self.most,
            containers_left=self._containers(),
            errors=tuple(sorted({str(r["result"].get("error")) for r in responses if r["statusCode"]})),
        )
        self.tell(self.asker, self.report)

    @on(Look)
    def look(self, message: Look, sender: ActorAddress) -> None:
        if self.report is not None:
            self.tell(sender, self.report)


def order(what: Any, revision: str) -> ActivationMessage:
    """One call of the action, as a controller sends it."""
    msg = run_of(what).msg
    return evolve(msg, revision=DocRevision(revision), content={"name": "x"}, blocking=True)
