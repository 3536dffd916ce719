"""A pool whose proxies, each in its own process where the base can, are done with a Run at once."""

from __future__ import annotations

from typing import Any

from attrs import frozen
from thespian.actors import ActorAddress

from owactors.actor.containerpool import ContainerPool, PoolSetup
from owactors.actor.io import IoActor, on
from owactors.core.containerpool.settings import PoolSettings
from owactors.message.container import (
    ContainerDestroyed,
    ContainerRemoved,
    Dismiss,
    NeedWork,
    ProxySettings,
    ProxySetup,
    Remove,
    Run,
)
from owactors.message.containerdata import ContainerRef, WarmedData
from owactors.message.feed import Processed
from owactors.message.pool import Drain, Drained, GetPoolStatus, PoolStatus
from tests.actor.pooling import INSTANCE
from tests.core.pool_bench import action, run_of


@frozen
class Calls:
    """To the root: so many calls of so many actions, all at once, in a pool of so much memory (MB)."""

    count: int
    actions: int
    user_memory: int


@frozen
class Done:
    """From the root: credits that came back, and how the pool was when they had."""

    credits: int
    status: PoolStatus


class Echo(IoActor):
    """A proxy without container."""

    @on(ProxySetup)
    def set_up(self, message: ProxySetup, sender: ActorAddress) -> None:
        self.number = message.number

    @on(Run)
    def run(self, message: Run, sender: ActorAddress) -> None:
        namespace = message.msg.user.namespace.name
        data = WarmedData(ContainerRef(str(self.number)), namespace, message.action, 0.0)
        self.tell(sender, NeedWork(data, 1, (message.msg.activation_id,)))

    @on(Remove)
    def remove(self, message: Remove, sender: ActorAddress) -> None:
        self.tell(sender, ContainerRemoved(True))
        self.tell(sender, ContainerDestroyed())

    @on(Dismiss)
    def dismiss(self, message: Dismiss, sender: ActorAddress) -> None:
        self.stop()


class EchoPool(ContainerPool):
    proxy_class = Echo


class EchoRoot(IoActor):
    """Calls in, Done out after the pool was drained."""

    def __init__(self) -> None:
        super().__init__()
        self.credits = 0
        self.status: Any = None

    @on(Calls)
    def calls(self, message: Calls, sender: ActorAddress) -> None:
        self.asker, self.wanted = sender, message.count
        self.pool = self.create(EchoPool)
        here = self.myAddress
        settings = PoolSettings(message.user_memory)
        self.tell(self.pool, PoolSetup(settings, ProxySettings(INSTANCE), here, here, here, colocate=False))
        for call in range(message.count):
            self.tell(self.pool, run_of(action(f"a{call % message.actions}")))

    @on(Processed)
    def processed(self, message: Processed, sender: ActorAddress) -> None:
        self.credits += message.count
        if self.credits == self.wanted:
            self.tell(self.pool, GetPoolStatus())

    @on(PoolStatus)
    def counted(self, message: PoolStatus, sender: ActorAddress) -> None:
        self.status = message
        self.tell(self.pool, Drain())

    @on(Drained)
    def drained(self, message: Drained, sender: ActorAddress) -> None:
        self.tell(self.asker, Done(self.credits, self.status))
