"""A container pool on the bench, with scripted proxies: the test says what each proxy says."""

from __future__ import annotations

from typing import Any

from attrs import evolve

from owactors.actor.containerpool import ContainerPool, PoolSetup
from owactors.core.containerpool.invariants import validate
from owactors.core.containerpool.settings import PoolSettings, PrewarmingConfig
from owactors.entity.instance import InvokerInstanceId
from owactors.entity.size import ByteSize
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
    Start,
)
from owactors.message.containerdata import ContainerRef, PreWarmedData, WarmedData
from owactors.message.feed import Processed
from tests.actor.harness import Bench, named

INVOKER = "invoker"
INSTANCE = InvokerInstanceId(0, ByteSize.mb(1024))


class PoolBench(Bench):
    """A pool that got its setup; the feed, the acks' receiver and the store are called so."""

    def __init__(self, user_memory: int, *prewarming: PrewarmingConfig, **settings: Any) -> None:
        super().__init__(ContainerPool)
        self.give(self.setup(user_memory, *prewarming, **settings), INVOKER)

    def setup(self, user_memory: int, *prewarming: PrewarmingConfig, **settings: Any) -> PoolSetup:
        """What the invoker says first."""
        pool = PoolSettings(user_memory, prewarming, **settings)
        proxies = ProxySettings(INSTANCE)
        return PoolSetup(pool, proxies, named("feed"), named("acks"), named("store"), factory="factory")

    def submit(self, *runs: Run) -> None:
        """Runs from the invoker."""
        for run in runs:
            self.give(run, INVOKER)
            validate(self.actor._machine)  # type: ignore[attr-defined]

    def said(self, child: int, message: Any) -> None:
        """The child (from 0, in order of creation) says this."""
        self.give(message, self.created[child].address)
        validate(self.actor._machine)  # type: ignore[attr-defined]

    def need_work(self, child: int, run: Run) -> None:
        """The child finished this run and is warm."""
        data = WarmedData(ContainerRef(f"c{child}"), run.msg.user.namespace.name, run.action, 0.0)
        self.said(child, NeedWork(data, 1, (run.msg.activation_id,)))

    def prewarmed(self, child: int, kind: str, memory: int = 256, expires: float | None = None) -> None:
        """The child is a prewarm that is ready."""
        self.said(
            child, NeedWork(PreWarmedData(ContainerRef(f"c{child}"), kind, ByteSize.mb(memory), expires=expires), 0)
        )

    def gone(self, child: int) -> None:
        """The child destroyed its container as it was told, and stops when it is dismissed."""
        self.said(child, ContainerRemoved(True))
        self.said(child, ContainerDestroyed())

    def leaves(self, child: int) -> None:
        """The idle child goes by itself."""
        self.said(child, RescheduleJob())

    def runs_of(self, child: int) -> list[Run]:
        """What the child was given to run."""
        return [m for m in self.told(child) if isinstance(m, Run)]

    def told(self, child: int) -> list[Any]:
        """All that the child was sent, but for its setup."""
        return [m for m in self.sent_to(self.created[child].address) if not isinstance(m, ProxySetup)]

    def kinds(self, child: int) -> list[type]:
        """The classes of what the child was told."""
        return [type(m) for m in self.told(child)]

    @property
    def credits(self) -> int:
        """What the feed got back."""
        return sum(m.count for m in self.sent_to("feed") if isinstance(m, Processed))


def like(run: Run) -> Run:
    """A copy of the run, as one that crossed a process boundary."""
    return evolve(run)


__all__ = ["INSTANCE", "INVOKER", "Dismiss", "PoolBench", "Remove", "Run", "Start", "like"]
