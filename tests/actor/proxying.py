"""A container that does as its script says, its factory, and a bench with a proxy set up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import define, evolve, field

from owactors.actor.containerproxy import ContainerProxy
from owactors.container.port import ContainerSpec, Logs
from owactors.core.reply import ContainerReply, Interval, Outcome, RunResult
from owactors.message.ack import AcknowledgementMessage
from owactors.message.container import ProxySetup, SendAck, StoreActivation
from tests.actor.harness import Bench
from tests.core.proxying import SETTINGS, T0

POOL, ACKS, STORE = "pool", "acks", "store"


def reply(body: bytes = b'{"ok":true}', status: int = 200) -> ContainerReply:
    return ContainerReply(status, body, len(body), 1024 * 1024)


@define(eq=False)
class ScriptedContainer:
    """Answers with what stands next in its script, else well; an exception in a script is raised. Counts calls."""

    id: str = "c1"
    address: str = "memory:c1"
    backend: str = "docker"
    kind: str = "nodejs:20"
    phases: Mapping[str, float] = field(factory=lambda: {"create": 0.01, "start": 0.2})
    script: dict[str, list[Any]] = field(factory=dict)
    calls: list[str] = field(factory=list)
    bodies: list[Mapping[str, Any]] = field(factory=list)

    def _next(self, call: str, otherwise: Any) -> Any:
        self.calls.append(call)
        planned = self.script.get(call)
        outcome = planned.pop(0) if planned else otherwise
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    def _exchange(self, call: str, body: Mapping[str, Any]) -> RunResult:
        self.bodies.append(body)
        outcome: Outcome = self._next(call, reply())
        start = int(T0 * 1000)
        return RunResult(Interval(start, start + 10), outcome)

    async def rehearse(self) -> None:
        self._next("rehearse", None)

    async def initialize(self, body: Mapping[str, Any], timeout: float, max_concurrent: int = 1) -> RunResult:
        return self._exchange("initialize", body)

    async def run(self, body: Mapping[str, Any], timeout: float, max_concurrent: int = 1, **limits: int) -> RunResult:
        return self._exchange("run", body)

    async def suspend(self) -> None:
        self._next("suspend", None)

    async def resume(self) -> None:
        self._next("resume", None)

    async def destroy(self) -> None:
        self._next("destroy", None)

    def logs_at_hand(self, limit: int, activation_id: str) -> Logs | None:
        planned = self.script.get("logs at hand")
        return planned.pop(0) if planned else None

    async def logs(self, limit: int, wait_for_sentinel: bool, activation_id: str = "") -> Logs:
        found: Logs = self._next("logs", Logs(("line",)))
        return found

    async def ping(self) -> bool:
        reached: bool = self._next("ping", True)
        return reached


@define(eq=False)
class ScriptedFactory:
    """Makes the one container, or raises what it was told to."""

    container: ScriptedContainer = field(factory=ScriptedContainer)
    failure: Exception | None = None
    backend: str = "docker"
    specs: list[ContainerSpec] = field(factory=list)

    async def create(self, spec: ContainerSpec) -> ScriptedContainer:
        self.specs.append(spec)
        if self.failure is not None:
            raise self.failure
        return self.container


class ProxyBench(Bench):
    """A proxy that got its setup from the pool."""

    def __init__(self, *, factory: Any = None, **settings: Any) -> None:
        super().__init__(ContainerProxy)
        self.factory = factory or ScriptedFactory()
        self.container = self.factory.container
        setup = ProxySetup(evolve(SETTINGS, **settings), _named(ACKS), _named(STORE), 1, factory=self.factory)
        self.give(setup, POOL)

    def say(self, *messages: Any) -> None:
        """The pool says this; what needs no choice of order is done until nothing is open."""
        for message in messages:
            self.give(message, POOL)
        self.settle()

    def settle(self) -> None:
        """All I/O runs, oldest first, until there is none."""
        while self.works:
            self.works[0].run()

    @property
    def state(self) -> str:
        machine = self.actor._machine  # type: ignore[attr-defined]
        machine.validate()
        text: str = machine.state.value
        return text

    def count(self, call: str) -> int:
        return self.container.calls.count(call)

    @property
    def told(self) -> list[Any]:
        """What the pool was told."""
        return self.sent_to(POOL)

    @property
    def acks(self) -> list[AcknowledgementMessage]:
        return [sent.ack for sent in self.messages(SendAck)]

    @property
    def records(self) -> list[Any]:
        return [sent.activation for sent in self.messages(StoreActivation)]


def _named(name: str) -> Any:
    from tests.actor.harness import named

    return named(name)
