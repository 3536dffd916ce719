"""Actions, messages and a driver for tests of the container proxy."""

from __future__ import annotations

from typing import Any, TypeVar

from attrs import define, evolve, field

from owactors.core.containerproxy import events as e
from owactors.core.containerproxy import instructions as i
from owactors.core.containerproxy.proxy import ContainerProxy
from owactors.core.containerproxy.states import State
from owactors.core.logs import LogState
from owactors.core.reply import ContainerReply, Interval, Outcome, RunResult
from owactors.entity.action import WhiskAction
from owactors.entity.exec import CodeExec
from owactors.entity.identity import Identity, Namespace
from owactors.entity.ids import DocRevision
from owactors.entity.instance import ControllerInstanceId, InvokerInstanceId
from owactors.entity.limits import ActionLimits
from owactors.entity.names import FullyQualifiedEntityName
from owactors.entity.parameters import Parameters
from owactors.entity.semver import SemVer
from owactors.entity.size import ByteSize
from owactors.entity.transaction import TransactionId
from owactors.message.activation import ActivationMessage
from owactors.message.container import ProxySettings, Run, Start
from owactors.message.containerdata import ContainerRef

T0 = 1_785_312_000.0
"""Where the clock of these tests begins, in seconds."""
INVOKER = InvokerInstanceId(0, ByteSize.mb(1024))
SETTINGS = ProxySettings(
    INVOKER, pause_grace=10.0, unused_timeout=600.0, images={"nodejs:20": "openwhisk/action-nodejs-v20:latest"}
)
CONTAINER = ContainerRef("c1", "10.0.0.9:8080")
USER = Identity("guest", Namespace("guest", "23bc46b1"), {"api_key": "23bc46b1:secret"})
KIND = "nodejs:20"
START = Start(CodeExec(KIND, ""), ByteSize.mb(256))
OK_BODY = b'{"ok":true}'

Found = TypeVar("Found")


def action(**changes: Any) -> WhiskAction:
    """`guest/tools/greet`; fields of its limits may be given by name."""
    limits = {name: changes.pop(name) for name in ("timeout", "memory", "logs", "concurrency") if name in changes}
    standard = WhiskAction(
        "guest/tools",
        "greet",
        CodeExec(KIND, "function main() {}"),
        limits=ActionLimits(**{"timeout": 1000, "memory": 256, "logs": 1, **limits}),
        version=SemVer(0, 0, 4),
        annotations=Parameters.of({"provide-api-key": True}),
    )
    return evolve(standard, **changes)


def message(number: int = 1, **changes: Any) -> ActivationMessage:
    """The activation with this number."""
    standard = ActivationMessage(
        transid=TransactionId(f"tid{number}", int(T0 * 1000) - 50),
        action=FullyQualifiedEntityName("guest/tools", "greet", SemVer(0, 0, 4)),
        revision=DocRevision("1-a"),
        user=USER,
        activation_id=f"{number:032x}",
        root_controller_index=ControllerInstanceId("0"),
        blocking=True,
        content={"name": "Ada"},
    )
    return evolve(standard, **changes)


def run(number: int = 1, of: WhiskAction | None = None, **changes: Any) -> Run:
    """A Run of `of`, else of action()."""
    return Run(of or action(), message(number, **changes))


def result(start: float, milliseconds: int, outcome: Outcome | bytes, status: int = 200) -> RunResult:
    """An exchange that began at `start` (seconds) and took so long."""
    if isinstance(outcome, bytes):
        outcome = ContainerReply(status, outcome, len(outcome), 1024 * 1024)
    begin = int(start * 1000)
    return RunResult(Interval(begin, begin + milliseconds), outcome)


@define
class Driver:
    """A machine with a clock: gives events, keeps what it said, checks its invariants after each event."""

    proxy: ContainerProxy = field(factory=lambda: ContainerProxy(SETTINGS))
    now: float = T0
    #: everything, in order
    said: list[i.Instruction] = field(factory=list)
    states: list[State] = field(factory=list)
    #: instructions that no outcome was given for yet
    open: list[i.Instruction] = field(factory=list)

    def give(self, kind: type, *details: Any, **more: Any) -> list[i.Instruction]:
        """An event of this class now."""
        before = self.proxy.state
        instructions = self.proxy.handle(kind(*details, self.now, **more))
        self.proxy.validate()
        self.said += instructions
        self.open += [x for x in instructions if type(x) in ASYNCHRONOUS]
        if self.proxy.state is not before:
            self.states.append(self.proxy.state)
        return instructions

    def take(self, kind: type[Found]) -> Found:
        """The oldest open instruction of this class."""
        for candidate in self.open:
            if isinstance(candidate, kind):
                self.open.remove(candidate)
                return candidate
        raise AssertionError(f"no {kind.__name__} is open among {self.open}")

    def after(self, seconds: float) -> Driver:
        """The same, later."""
        self.now += seconds
        return self

    # -- what comes in

    def run(self, wanted: Run | None = None) -> list[i.Instruction]:
        return self.give(e.RunAsked, wanted or run())

    def created(self) -> list[i.Instruction]:
        self.take(i.CreateContainer)
        return self.give(e.ContainerCreated, CONTAINER)

    def initialized(self, outcome: Outcome | bytes = b"", milliseconds: int = 40, status: int = 200) -> Any:
        job = self.take(i.InitializeContainer).job
        return self.give(e.Initialized, job, result(self.now, milliseconds, outcome, status))

    def ran(self, outcome: Outcome | bytes = OK_BODY, milliseconds: int = 20, status: int = 200) -> Any:
        job = self.take(i.RunContainer).job
        return self.give(e.RunEnded, job, result(self.now, milliseconds, outcome, status))

    def ran_with_logs(self, *lines: str, outcome: Outcome | bytes = OK_BODY, status: int = 200) -> Any:
        """/run ends, and its logs came before."""
        job = self.take(i.RunContainer).job
        log = e.LogsCollected(job, lines, "complete", self.now)
        return self.give(e.RunEnded, job, result(self.now, 20, outcome, status), logs=log)

    def collected(self, *lines: str, state: LogState = "complete") -> Any:
        return self.give(e.LogsCollected, self.take(i.CollectLogs).job, lines, state)

    def finish(self, outcome: Outcome | bytes = OK_BODY) -> None:
        """/run ends, then its logs are there."""
        self.ran(outcome)
        self.collected("line")

    def destroyed(self) -> Any:
        self.take(i.DestroyContainer)
        return self.give(e.ContainerDestroyed)

    def prewarmed(self) -> Driver:
        """Started, nothing said so far."""
        self.give(e.StartAsked, START)
        self.created()
        return self.forget()

    def ready(self, wanted: Run | None = None) -> Driver:
        """Ready after one activation (number 0, or `wanted`), nothing said so far."""
        self.run(wanted or run(0))
        self.created()
        self.initialized()
        self.finish()
        assert self.proxy.state is State.READY
        return self.forget()

    def ready_keeping(self) -> Driver:
        """The same where logs are kept in files."""
        self.run(run(0))
        self.created()
        self.initialized()
        self.finish()
        self.give(e.LogsKept, self.take(i.KeepLogs).job)
        assert self.proxy.state is State.READY
        return self.forget()

    def paused(self, wanted: Run | None = None) -> Driver:
        """Paused after one activation, nothing said so far."""
        self.ready(wanted).after(10).give(e.IdleTimerFired)
        self.take(i.PauseContainer)
        self.give(e.ContainerPaused)
        return self.forget()

    def forget(self) -> Driver:
        """Keep nothing of what was said so far."""
        self.said.clear()
        self.states.clear()
        return self

    # -- what went out

    def of(self, kind: type[Found]) -> list[Found]:
        return [instruction for instruction in self.said if isinstance(instruction, kind)]

    @property
    def pool(self) -> list[Any]:
        """What the pool was told."""
        return [instruction.message for instruction in self.of(i.TellPool)]

    @property
    def acks(self) -> list[Any]:
        """Acknowledgements."""
        return [instruction.message.ack for instruction in self.of(i.Acknowledge)]

    @property
    def stored(self) -> list[Any]:
        """Records."""
        return [instruction.message.activation for instruction in self.of(i.Store)]

    def count(self, kind: type) -> int:
        return len(self.of(kind))


ASYNCHRONOUS = (
    i.CreateContainer,
    i.ResizeContainer,
    i.InitializeContainer,
    i.RunContainer,
    i.CollectLogs,
    i.KeepLogs,
    i.PauseContainer,
    i.ResumeContainer,
    i.DestroyContainer,
)


def kinds(messages: list[Any]) -> list[type]:
    """Their classes."""
    return [type(one) for one in messages]


def annotation(record: Any, name: str) -> Any:
    return record.annotations.get(name)
