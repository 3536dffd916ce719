"""A pool under test: makes runs and proxies' messages, carries the clock, checks the invariants after every event."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from attrs import define, evolve, field

from owactors.core.containerpool.events import (
    AdjustPrewarmedContainer,
    DrainPool,
    FromProxy,
    PoolEvent,
    ProxyExited,
    StartPool,
    Submit,
)
from owactors.core.containerpool.instructions import ReleaseCredits, SendRemove, SendRun, SendStart
from owactors.core.containerpool.invariants import validate
from owactors.core.containerpool.pool import ContainerPool
from owactors.core.containerpool.settings import PoolSettings, PrewarmingConfig
from owactors.entity.action import WhiskAction
from owactors.entity.exec import CodeExec
from owactors.entity.identity import Identity, Namespace
from owactors.entity.ids import DocRevision, new_activation_id
from owactors.entity.instance import ControllerInstanceId
from owactors.entity.limits import ActionLimits
from owactors.entity.manifest import ReactivePrewarm
from owactors.entity.size import ByteSize
from owactors.entity.transaction import TransactionId
from owactors.message.activation import ActivationMessage
from owactors.message.container import (
    ContainerDestroyed,
    ContainerRemoved,
    NeedWork,
    RescheduleJob,
    Run,
)
from owactors.message.containerdata import ContainerRef, PreWarmedData, WarmedData

KIND = "nodejs:20"
SOMEBODY = Identity("somebody", Namespace("guest", "uuid-1"))
CONTROLLER = ControllerInstanceId("0")


def action(name: str = "hello", memory: int = 256, concurrency: int = 1, **fields: Any) -> WhiskAction:
    """An action of the namespace guest."""
    kind = fields.pop("kind", KIND)
    limits = ActionLimits(memory=memory, concurrency=concurrency)
    return WhiskAction("guest", name, CodeExec(kind, "code"), limits=limits, **fields)


def run_of(what: WhiskAction | None = None, namespace: str = "guest", activation_id: str = "") -> Run:
    """One activation of the action, invoked in a namespace."""
    what = what or action()
    user = evolve(SOMEBODY, namespace=Namespace(namespace, f"uuid-{namespace}"))
    transid = TransactionId.fresh(0)
    name = what.fully_qualified_name
    revision = DocRevision("1-a")
    return Run(
        what,
        ActivationMessage(transid, name, revision, user, activation_id or new_activation_id(), CONTROLLER, False),
    )


def stem_cells(count: int, memory: int = 256, **reactive: Any) -> PrewarmingConfig:
    """Prewarming of nodejs; with min, max, ttl, threshold, increment it is reactive."""
    bounds = ReactivePrewarm(**reactive) if reactive else None
    return PrewarmingConfig(count, CodeExec(KIND, ""), memory, bounds)


@define
class PoolBench:
    """`out` is what the last event led to."""

    pool: ContainerPool
    now: float = 1000.0
    out: list[Any] = field(factory=list)
    runs: dict[str, tuple[int, Run]] = field(factory=dict)
    credits: int = 0
    check: bool = True

    @classmethod
    def of(cls, user_memory: int, *prewarming: PrewarmingConfig, **settings: Any) -> PoolBench:
        """A pool with so much memory, started."""
        bench = cls(ContainerPool(PoolSettings(user_memory, prewarming, **settings)))
        bench.give(StartPool(bench.now))
        return bench

    # What happens.

    def give(self, event: PoolEvent) -> list[Any]:
        """Hand over the event; checks every invariant."""
        self.out = self.pool.handle(event)
        for each in self.out:
            if isinstance(each, SendRun):
                self.runs[each.run.msg.activation_id] = (each.container, each.run)
            if isinstance(each, ReleaseCredits):
                self.credits += each.count
        if self.check:
            validate(self.pool)
        return self.out

    def submit(self, run: Run | None = None) -> list[Any]:
        """A run comes from the feed."""
        return self.give(Submit(run or run_of(), self.now))

    def submit_all(self, runs: Iterable[Run]) -> list[Any]:
        """Several; answers what all of them led to."""
        return [each for run in runs for each in self.submit(run)]

    def says(self, container: int, message: Any) -> list[Any]:
        """The container's proxy says this."""
        return self.give(FromProxy(container, message, self.now))

    def ended(self, run: Run) -> list[Any]:
        """The run's container is done with it and warm."""
        container, sent = self.runs[run.msg.activation_id]
        data = WarmedData(ContainerRef(f"c{container}"), sent.msg.user.namespace.name, sent.action, self.now)
        return self.says(container, NeedWork(data, 1, (run.msg.activation_id,)))

    def prewarmed(self, container: int, expires: float | None = None) -> list[Any]:
        """A prewarm is ready."""
        entry = self.pool.books.entries[container]
        data = PreWarmedData(ContainerRef(f"c{container}"), entry.kind, ByteSize.mb(entry.memory), expires=expires)
        return self.says(container, NeedWork(data, 0))

    def removed(
        self, container: int, replace_prewarm: bool = True, finished: int = 0, ended: tuple[str, ...] = ()
    ) -> list[Any]:
        """The container goes."""
        return self.says(container, ContainerRemoved(replace_prewarm, finished, ended))

    def rescheduled(self, container: int, finished: int = 0, ended: tuple[str, ...] = ()) -> list[Any]:
        """The container goes, its jobs will come back."""
        return self.says(container, RescheduleJob(finished, ended))

    def destroyed(self, container: int, finished: int = 0, ended: tuple[str, ...] = ()) -> list[Any]:
        """The container's memory is free."""
        return self.says(container, ContainerDestroyed(finished, "", ended))

    def handed_back(self, run: Run) -> list[Any]:
        """The run comes back from its container."""
        container, sent = self.runs[run.msg.activation_id]
        return self.says(container, sent)

    def dies(self, container: int, reason: str = "killed") -> list[Any]:
        """The proxy's process is gone."""
        return self.give(ProxyExited(container, reason, self.now))

    def adjust(self) -> list[Any]:
        """The scheduled look at prewarmed containers."""
        return self.give(AdjustPrewarmedContainer(self.now))

    def drain(self) -> list[Any]:
        """No more work will come."""
        return self.give(DrainPool(self.now))

    # What to look at.

    def container_of(self, run: Run) -> int:
        """Where the run was sent last."""
        return self.runs[run.msg.activation_id][0]

    def starts(self) -> list[SendStart]:
        """Prewarms that the last event began."""
        return [each for each in self.out if isinstance(each, SendStart)]

    def removals(self) -> list[int]:
        """Containers that the last event sent away."""
        return [each.container for each in self.out if isinstance(each, SendRemove)]

    def sent(self) -> list[SendRun]:
        """Runs that the last event placed."""
        return [each for each in self.out if isinstance(each, SendRun)]

    def stages(self) -> list[str]:
        """The stage of every container, by number."""
        return [entry.stage.value for entry in self.pool.books.entries.values()]

    def warm(self, *runs: Run) -> list[int]:
        """Run these to their ends; answers their containers. The clock advances by a second each."""
        containers = []
        for run in runs:
            self.submit(run)
            containers.append(self.container_of(run))
        for run in runs:
            self.now += 1
            self.ended(run)
        return containers
