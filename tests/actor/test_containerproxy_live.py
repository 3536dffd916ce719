"""The proxy on a real loop with in-process containers: several activations at once, pause, wake, timeout, removal."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from attrs import define, evolve, field
from thespian.actors import ActorExitRequest

from owactors.actor.beside import LoopEngine
from owactors.actor.containerproxy import ContainerProxy
from owactors.actor.factories import Factories
from owactors.container.memory.factory import MemoryFactory
from owactors.entity.exec import CodeExec
from owactors.entity.size import ByteSize
from owactors.message.container import (
    ContainerDestroyed,
    ContainerRemoved,
    Dismiss,
    NeedWork,
    ProxySetup,
    Remove,
    RescheduleJob,
    Run,
    SendAck,
    Start,
    StoreActivation,
)
from tests.actor.harness import Reference, named
from tests.core.proxying import SETTINGS, action, message

PYTHON = CodeExec("python:3", "")


async def slowly(arguments: Any) -> Any:
    await asyncio.sleep(arguments.get("seconds", 0))
    return {"said": arguments.get("name")}


@define(eq=False)
class Live:
    """A proxy in this loop."""

    factory: Any = field(factory=lambda: MemoryFactory({"greet": slowly}))
    actor: ContainerProxy = field(factory=ContainerProxy)
    reference: Reference = field(factory=Reference)

    async def begin(self, **settings: Any) -> Live:
        await self.factory.start()
        self.actor._myRef = self.reference
        self.actor._engine = LoopEngine(asyncio.get_running_loop())
        setup = ProxySetup(evolve(SETTINGS, **settings), named("acks"), named("store"), 1, factory=self.factory)
        self.say(setup)
        return self

    def say(self, wanted: Any) -> None:
        self.actor.receiveMessage(wanted, named("pool"))

    def sent(self, kind: type) -> list[Any]:
        return [sent.message for sent in self.reference.sent if isinstance(sent.message, kind)]

    @property
    def state(self) -> str:
        self.actor._machine.validate()
        text: str = self.actor._machine.state.value
        return text

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not holds():
                await asyncio.sleep(0.002)


def ordered(number: int, **content: Any) -> Run:
    wanted = action(exec=PYTHON, concurrency=4, logs=0, timeout=content.pop("timeout", 5000))
    return Run(wanted, message(number, content=content))


def test_activations_run_side_by_side() -> None:
    async def scene() -> None:
        live = await Live().begin()
        for number in range(8):
            live.say(ordered(number, name=number, seconds=0.01))
        await live.until(lambda: len(live.sent(StoreActivation)) == 8)
        assert live.state == "Ready"
        answers = {sent.ack.response.response.result["said"] for sent in live.sent(SendAck)}
        assert answers == set(range(8))
        assert sum(told.finished for told in live.sent(NeedWork)) == 8
        assert len(live.factory.containers) == 1

    asyncio.run(scene())


def test_an_idle_container_pauses_wakes_and_goes() -> None:
    async def scene() -> None:
        live = await Live().begin(pause_grace=0.02)
        live.say(ordered(1, name="a"))
        await live.until(lambda: live.state == "Paused")
        live.say(ordered(2, name="b"))
        await live.until(lambda: len(live.sent(StoreActivation)) == 2)
        await live.until(lambda: live.state == "Paused")
        live.say(Remove())
        await live.until(lambda: bool(live.sent(ContainerDestroyed)))
        assert live.sent(RescheduleJob)
        assert live.factory.containers == {}

    asyncio.run(scene())


@define(eq=False)
class SlowFactory:
    """Makes a container when it is allowed to, and needs a while to undo what it began."""

    backend: str = "memory"
    allowed: asyncio.Event = field(factory=asyncio.Event)
    undoing: asyncio.Event = field(factory=asyncio.Event)
    undone: asyncio.Event = field(factory=asyncio.Event)
    made: MemoryFactory = field(factory=MemoryFactory)

    async def start(self) -> None:
        await self.made.start()

    async def create(self, spec: Any) -> Any:
        try:
            await self.allowed.wait()
        except asyncio.CancelledError:
            self.undoing.set()
            await self.undone.wait()
            raise
        return await self.made.create(spec)


PREWARM = Start(PYTHON, ByteSize.mb(256))


def test_a_prewarm_that_is_being_made_is_given_up_and_its_memory_free_after_that() -> None:
    async def scene() -> None:
        slow = SlowFactory()
        live = await Live(slow).begin()
        live.say(PREWARM)
        await asyncio.sleep(0)
        live.say(Remove())
        await slow.undoing.wait()
        assert live.sent(ContainerRemoved) == [ContainerRemoved(False)]
        assert live.sent(ContainerDestroyed) == []
        slow.undone.set()
        await live.until(lambda: bool(live.sent(ContainerDestroyed)))
        assert live.state == "Removing"
        assert slow.made.containers == {}
        live.say(Dismiss())
        assert live.state == "Gone"

    asyncio.run(scene())


def test_a_prewarm_that_is_ready_when_it_is_given_up_is_removed() -> None:
    async def scene() -> None:
        slow = SlowFactory()
        live = await Live(slow).begin()
        live.say(PREWARM)
        await asyncio.sleep(0.01)
        slow.allowed.set()
        live.say(Remove())
        await live.until(lambda: bool(live.sent(ContainerDestroyed)))
        assert live.sent(NeedWork) == []
        assert slow.made.containers == {}

    asyncio.run(scene())


def test_an_activation_over_its_time_costs_the_container() -> None:
    async def scene() -> None:
        live = await Live().begin()
        live.say(ordered(1, name="a", seconds=30, timeout=100))
        await live.until(lambda: bool(live.sent(ContainerDestroyed)))
        record = live.sent(StoreActivation)[0].activation
        assert record.response.result == {"error": "The action exceeded its time limits of 100 milliseconds."}
        assert record.annotations.get("timeout") is True
        assert live.factory.containers == {}

    asyncio.run(scene())


def test_an_exit_ends_jobs_and_removes_the_container() -> None:
    async def scene() -> None:
        live = await Live().begin()
        live.say(ordered(1, name="a", seconds=30))
        await live.until(lambda: live.actor._machine.container is not None)
        live.say(ActorExitRequest())
        await live.until(lambda: not live.factory.containers)
        assert "the invoker stops" in live.sent(StoreActivation)[0].activation.response.result["error"]

    asyncio.run(scene())


def test_a_process_builds_one_factory_per_settings() -> None:
    async def scene() -> None:
        built: list[Any] = []

        def build(settings: Any) -> MemoryFactory:
            built.append(settings)
            return MemoryFactory()

        factories = Factories(build)
        first, second = await asyncio.gather(factories.get("a"), factories.get("a"))
        assert first is second
        assert await factories.get("b") is not first
        assert built == ["a", "b"]
        await factories.close()

    asyncio.run(scene())


def test_a_factory_that_did_not_start_is_tried_again() -> None:
    async def scene() -> None:
        attempts: list[Any] = []

        def build(settings: Any) -> MemoryFactory:
            attempts.append(settings)
            if len(attempts) == 1:
                raise OSError("no engine")
            return MemoryFactory()

        factories = Factories(build)
        for _ in range(2):
            try:
                await factories.get("a")
            except OSError:
                continue
        assert len(attempts) == 2

    asyncio.run(scene())
