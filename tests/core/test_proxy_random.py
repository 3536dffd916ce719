"""The proxy under events in any order: invariants hold, and in the end every Run has ended once or was handed back."""

from __future__ import annotations

from typing import Any

from attrs import evolve
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from owactors.core.containerproxy import events as e
from owactors.core.containerproxy import instructions as i
from owactors.core.containerproxy.proxy import ContainerProxy
from owactors.core.containerproxy.states import State
from owactors.core.reply import ConnectionFailed, NoResponseReceived
from owactors.message.ack import CombinedCompletionAndResultMessage, CompletionMessage, ResultMessage
from owactors.message.container import (
    ContainerDestroyed,
    ContainerRemoved,
    NeedWork,
    RescheduleJob,
    Run,
)
from tests.core.proxying import CONTAINER, SETTINGS, START, Driver, action, result, run

REPLIES: list[tuple[Any, int]] = [
    (b'{"ok":true}', 200),
    (b'{"error":1}', 200),
    (b"nonsense", 200),
    (b"", 503),
    (b"", 502),
    (ConnectionFailed("refused"), 0),
    (NoResponseReceived(), 0),
]


class AnyOrder(RuleBasedStateMachine):
    """The pool, the container and the engine do what they like, in any order."""

    @initialize(
        concurrency=st.sampled_from([1, 2, 3]),
        logs=st.sampled_from([0, 1]),
        pauses=st.booleans(),
        memory=st.sampled_from([256, 512]),
        store=st.sampled_from(["record", "file", "out-of-band", "driver"]),
    )
    def begin(self, concurrency: int, logs: int, pauses: bool, memory: int, store: Any) -> None:
        self.action = action(concurrency=concurrency, logs=logs, memory=memory)
        settings = evolve(SETTINGS, pause_grace=10.0 if pauses else None, log_store=store)
        self.driver = Driver(ContainerProxy(settings))
        self.given: dict[str, bool] = {}
        self.started = False

    def finish_open(self, outcome: Any) -> None:
        wanted = self.driver.open.pop(outcome(st.integers(0, len(self.driver.open) - 1)))
        getattr(self, f"on_{type(wanted).__name__}")(wanted, outcome)

    @rule(blocking=st.booleans(), attempts=st.integers(0, 2))
    def run(self, blocking: bool, attempts: int) -> None:
        number = len(self.given) + 1
        wanted = evolve(run(number, self.action, blocking=blocking), attempts=attempts)
        self.given[wanted.msg.activation_id] = blocking
        self.started = True
        self.driver.run(wanted)

    @precondition(lambda self: not self.started)
    @rule()
    def start(self) -> None:
        self.started = True
        self.driver.give(e.StartAsked, START)

    @precondition(lambda self: self.started)
    @rule()
    def remove(self) -> None:
        self.driver.give(e.RemoveAsked)

    @rule(seconds=st.sampled_from([1, 5, 10, 600]))
    def idle(self, seconds: float) -> None:
        self.driver.after(seconds)
        if self.driver.proxy.idle_timer_due is not None and self.driver.now >= self.driver.proxy.idle_timer_due:
            self.driver.give(e.IdleTimerFired)

    @precondition(lambda self: self.driver.open)
    @rule(data=st.data())
    def answer(self, data: st.DataObject) -> None:
        self.finish_open(data.draw)

    @precondition(lambda self: self.driver.open)
    @rule(data=st.data())
    def answer_once_more(self, data: st.DataObject) -> None:
        self.finish_open(data.draw)

    @precondition(lambda self: self.started)
    @rule(unlucky=st.integers(0, 9))
    def fail_in_the_shell(self, unlucky: int) -> None:
        if unlucky == 0:
            self.driver.give(e.ShellFailed, "by chance")

    # -- outcomes

    def on_CreateContainer(self, wanted: i.CreateContainer, draw: Any) -> None:
        match draw(st.integers(0, 4)):
            case 0:
                self.driver.give(e.ContainerCreationFailed, "none")
            case 1:
                self.driver.give(e.BlackboxCreationFailed, "bad image")
            case _:
                self.driver.give(e.ContainerCreated, CONTAINER)

    def on_ResizeContainer(self, wanted: i.ResizeContainer, draw: Any) -> None:
        self.driver.give(*draw(st.sampled_from([(e.ContainerResized, 1.0), (e.ResizeFailed, "no")])))

    def on_InitializeContainer(self, wanted: i.InitializeContainer, draw: Any) -> None:
        self.exchange(e.Initialized, wanted.job, draw)

    def on_RunContainer(self, wanted: i.RunContainer, draw: Any) -> None:
        at_hand = wanted.log_limit and draw(st.booleans())
        log = e.LogsCollected(wanted.job, ("line",), "complete", self.driver.now) if at_hand else None
        self.exchange(e.RunEnded, wanted.job, draw, logs=log)

    def exchange(self, kind: type, job: int, draw: Any, **more: Any) -> None:
        if draw(st.integers(0, 9)) == 0:
            self.driver.give(e.ExchangeCrashed, job, "by chance")
            return
        outcome, status = draw(st.sampled_from([REPLIES[0]] * 6 + REPLIES))
        took = draw(st.sampled_from([5, 5, 5, 1000]))
        self.driver.give(kind, job, result(self.driver.now, took, outcome, status), **more)

    def on_CollectLogs(self, wanted: i.CollectLogs, draw: Any) -> None:
        match draw(st.integers(0, 5)):
            case 0:
                self.driver.give(e.LogsFailed, wanted.job, "gone")
            case 1:
                self.driver.give(e.LogsCollected, wanted.job, ("partial",), "timed_out")
            case _:
                self.driver.give(e.LogsCollected, wanted.job, ("line",), "complete")

    def on_KeepLogs(self, wanted: i.KeepLogs, draw: Any) -> None:
        kind = draw(st.sampled_from([(e.LogsKept, wanted.job), (e.LogsNotKept, wanted.job, "full")]))
        self.driver.give(*kind)

    def on_PauseContainer(self, wanted: i.PauseContainer, draw: Any) -> None:
        self.driver.give(*draw(st.sampled_from([(e.ContainerPaused,), (e.PauseFailed, "no")])))

    def on_ResumeContainer(self, wanted: i.ResumeContainer, draw: Any) -> None:
        self.driver.give(*draw(st.sampled_from([(e.ContainerResumed,), (e.ResumeFailed, "no")])))

    def on_DestroyContainer(self, wanted: i.DestroyContainer, draw: Any) -> None:
        kind = draw(st.sampled_from([(e.ContainerDestroyed,), (e.ContainerDestroyed,), (e.DestroyFailed, "no")]))
        self.driver.give(*kind)
        if kind[0] is e.DestroyFailed:
            self.driver.give(e.DestroyRetryDue)

    # -- what must hold

    @invariant()
    def every_run_ends_once(self) -> None:
        if not hasattr(self, "driver"):
            return
        driver = self.driver
        last = [ack for ack in driver.acks if not isinstance(ack, ResultMessage)]
        ended = [ack.activation_id for ack in last]
        back = [told.msg.activation_id for told in driver.pool if isinstance(told, Run)]
        assert len(set(ended + back)) == len(ended) + len(back)
        assert ended == [record.activation_id for record in driver.stored]
        assert {type(ack) for ack in last} <= {CompletionMessage, CombinedCompletionAndResultMessage}
        here = len(driver.proxy.jobs) + driver.proxy.runs_waiting()
        assert len(self.given) == len(ended) + len(back) + here

    @invariant()
    def the_pool_can_keep_its_books(self) -> None:
        if not hasattr(self, "driver"):
            return
        told = self.driver.pool
        farewells = [one for one in told if isinstance(one, (ContainerRemoved, RescheduleJob))]
        assert len(farewells) <= 1
        if farewells:
            assert not any(isinstance(one, NeedWork) for one in told[told.index(farewells[0]) :])
        freed = [one for one in told if isinstance(one, ContainerDestroyed)]
        assert len(freed) <= 1
        credited = sum(getattr(one, "finished", 0) for one in told)
        assert credited + self.driver.proxy.unreported == len(self.driver.stored)

    def teardown(self) -> None:
        """The container goes: whatever was open ends, and the proxy stops."""
        if not hasattr(self, "driver"):
            return
        driver = self.driver
        driver.give(e.ShellFailed, "the test is over")
        while driver.open:
            wanted = driver.open.pop(0)
            if isinstance(wanted, i.CreateContainer):
                driver.give(e.ContainerCreated, CONTAINER)
            elif isinstance(wanted, i.DestroyContainer):
                driver.give(e.ContainerDestroyed)
        driver.give(e.DismissAsked)
        assert driver.proxy.state is State.GONE
        assert driver.proxy.accepted == driver.proxy.ended + driver.proxy.handed_back == len(self.given)
        self.every_run_ends_once()
        self.the_pool_can_keep_its_books()


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, database=None, derandomize=True
)
