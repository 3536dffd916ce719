"""The pool under random orders: proxies that behave, fail, refuse, hang and die; every run ends exactly once."""

from __future__ import annotations

from typing import Any

from attrs import define, field
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from owactors.core.containerpool.instructions import (
    CreateProxy,
    FailRun,
    SendDismiss,
    SendRemove,
    SendRun,
    SendStart,
)
from owactors.message.container import Run
from tests.core.pool_bench import PoolBench, action, run_of, stem_cells

LIMIT = 1024
ACTIONS = [
    action("a"),
    action("b"),
    action("many", concurrency=3),
    action("large", memory=512),
    action("small", memory=128),
    action("other", kind="python:3.11"),
    action("whole", memory=1024),
    action("too large", memory=2048),
]


@define(eq=False, repr=False)
class Proxy:
    """A scripted proxy: what it was sent and has not dealt with, in order."""

    number: int
    memory: int = 0
    inbox: list[Any] = field(factory=list)
    running: list[Run] = field(factory=list)
    warm: bool = False
    stem: bool = False
    leaving: bool = False
    destroyed: bool = False


class PoolOrders(RuleBasedStateMachine):
    """Feeds, proxies and the operator, in any order."""

    resize = False

    def __init__(self) -> None:
        super().__init__()
        cells = stem_cells(1, min_count=1, max_count=2, ttl=5.0, threshold=1, increment=1)
        self.proxies: dict[int, Proxy] = {}
        self.submitted: dict[str, Run] = {}
        self.ended: list[str] = []
        self.bench = PoolBench.of(LIMIT, cells, prewarm_max_retry_limit=1, resize_prewarmed=self.resize)
        self.follow()

    def follow(self) -> None:
        """Carry out what the last event led to."""
        out, self.bench.out = self.bench.out, []
        for each in out:
            match each:
                case CreateProxy(number):
                    self.proxies[number] = Proxy(number)
                case SendRun(number, run, _):
                    self.proxies[number].inbox.append(run)
                    self.proxies[number].memory = run.action.limits.memory
                case SendStart(number, _, memory, _):
                    self.proxies[number].inbox.append(each)
                    self.proxies[number].memory = memory
                case SendRemove(number):
                    self.proxies[number].inbox.append(each)
                case SendDismiss(number):
                    self.proxies[number].inbox.append("dismiss")
                case FailRun(run, _):
                    self.ended.append(run.msg.activation_id)

    def some(self, data: st.DataObject, **wanted: Any) -> Proxy | None:
        found = [
            proxy
            for proxy in self.proxies.values()
            if all(bool(getattr(proxy, name)) is value for name, value in wanted.items())
        ]
        return data.draw(st.sampled_from(found)) if found else None

    # The feed.

    @rule(what=st.sampled_from(ACTIONS), namespace=st.sampled_from(["one", "two"]))
    def submit(self, what: Any, namespace: str) -> None:
        run = run_of(what, namespace, f"{len(self.submitted):032x}")
        self.submitted[run.msg.activation_id] = run
        self.bench.submit(run)
        self.follow()

    @precondition(lambda self: self.bench.pool.accepted)
    @rule(data=st.data())
    def submit_again(self, data: st.DataObject) -> None:
        twin = data.draw(st.sampled_from(sorted(self.bench.pool.accepted)))
        before = self.bench.credits
        self.bench.submit(self.submitted[twin])
        assert [type(each).__name__ for each in self.bench.out] == ["ReportTwin", "ReleaseCredits"]
        self.bench.credits = before

    # Proxies.

    @rule(data=st.data())
    def proxy_reads(self, data: st.DataObject) -> None:
        proxy = self.some(data, inbox=True)
        if proxy is not None:
            self.read(proxy)

    @rule(data=st.data())
    def activation_ends(self, data: st.DataObject) -> None:
        proxy = self.some(data, running=True, leaving=False)
        if proxy is not None:
            self.end(proxy, data.draw(st.integers(0, len(proxy.running) - 1)))

    @rule(data=st.data())
    def container_fails(self, data: st.DataObject) -> None:
        """One activation ends and takes the container with it; others inside go on."""
        proxy = self.some(data, running=True, leaving=False)
        if proxy is None:
            return
        run = proxy.running.pop(data.draw(st.integers(0, len(proxy.running) - 1)))
        self.ended.append(run.msg.activation_id)
        proxy.leaving = True
        if proxy.running:
            self.bench.rescheduled(proxy.number, 1, (run.msg.activation_id,))
        else:
            self.bench.removed(proxy.number, True, 1, (run.msg.activation_id,))
        self.follow()

    @rule(data=st.data())
    def container_refuses(self, data: st.DataObject) -> None:
        proxy = self.some(data, running=True, leaving=False)
        if proxy is None:
            return
        proxy.leaving = True
        self.bench.rescheduled(proxy.number)
        self.follow()
        self.bench.says(proxy.number, proxy.running.pop())
        self.follow()

    @rule(data=st.data())
    def idle_container_goes(self, data: st.DataObject) -> None:
        proxy = self.some(data, running=False, leaving=False, warm=True)
        if proxy is not None:
            proxy.leaving = True
            self.bench.rescheduled(proxy.number)
            self.follow()

    @rule(data=st.data())
    def prewarm_does_not_come_up(self, data: st.DataObject) -> None:
        proxy = self.some(data, running=False, leaving=False, warm=False, stem=False)
        if proxy is not None and proxy.inbox and isinstance(proxy.inbox[0], SendStart):
            proxy.inbox.pop(0)
            proxy.leaving = True
            self.bench.removed(proxy.number)
            self.follow()

    @rule(data=st.data())
    def container_is_gone(self, data: st.DataObject) -> None:
        proxy = self.some(data, leaving=True, destroyed=False)
        if proxy is not None:
            self.destroy(proxy)

    def read(self, proxy: Proxy) -> None:
        """The proxy takes the next message from its inbox."""
        message = proxy.inbox.pop(0)
        match message:
            case Run() if proxy.leaving:
                self.bench.says(proxy.number, message)
            case Run():
                proxy.running.append(message)
                proxy.stem = False
            case SendStart():
                proxy.stem = True
                self.bench.prewarmed(proxy.number, expires=self.bench.now + 5)
            case SendRemove() if not proxy.leaving:
                proxy.leaving = True
                self.bench.removed(proxy.number, replace_prewarm=not proxy.stem)
            case "dismiss":
                assert not proxy.inbox
                del self.proxies[proxy.number]
                self.bench.dies(proxy.number)
            case _:
                return
        self.follow()

    def end(self, proxy: Proxy, which: int) -> None:
        """One of its activations ends well."""
        run = proxy.running.pop(which)
        self.ended.append(run.msg.activation_id)
        proxy.warm = True
        self.bench.runs[run.msg.activation_id] = (proxy.number, run)
        self.bench.ended(run)
        self.follow()

    def destroy(self, proxy: Proxy) -> None:
        """What still ran has ended, the container is no more."""
        proxy.destroyed = True
        ended = tuple(run.msg.activation_id for run in proxy.running)
        self.ended.extend(ended)
        proxy.running.clear()
        self.bench.destroyed(proxy.number, len(ended), ended)
        self.follow()

    @rule(data=st.data(), really=st.sampled_from([False, False, True]))
    def process_dies(self, data: st.DataObject, really: bool) -> None:
        proxy = self.some(data)
        if proxy is not None and really:
            del self.proxies[proxy.number]
            self.bench.dies(proxy.number)
            self.follow()

    # The operator.

    @rule(seconds=st.sampled_from([0.1, 3.0, 11.0]))
    def time_passes(self, seconds: float) -> None:
        self.bench.now += seconds

    @rule()
    def scheduled_look(self) -> None:
        self.bench.adjust()
        self.follow()

    # What always holds (beside what the bench checks after every event).

    @invariant()
    def memory_is_never_exceeded(self) -> None:
        assert sum(proxy.memory for proxy in self.proxies.values() if not proxy.destroyed) <= LIMIT

    @invariant()
    def every_run_ends_once_and_returns_its_credit(self) -> None:
        assert len(self.ended) == len(set(self.ended))
        assert self.bench.credits == len(self.ended)
        assert set(self.ended) | self.bench.pool.accepted == set(self.submitted)

    def teardown(self) -> None:
        """When all goes well from here on, every run ends and nothing is left."""
        self.bench.drain()
        self.follow()
        for _ in range(10_000):
            if not self.proxies:
                break
            for proxy in list(self.proxies.values()):
                self.make_progress(proxy)
        assert sorted(self.ended) == sorted(self.submitted)
        assert self.bench.credits == len(self.submitted)
        assert self.bench.pool.drained
        assert not self.bench.pool.books.entries
        assert not self.bench.pool.books.groups
        assert self.bench.pool.books.used == 0

    def make_progress(self, proxy: Proxy) -> None:
        """Whatever this proxy can do next."""
        if proxy.inbox:
            self.read(proxy)
        elif proxy.running and not proxy.leaving:
            self.end(proxy, 0)
        elif proxy.leaving and not proxy.destroyed:
            self.destroy(proxy)


class ResizingPoolOrders(PoolOrders):
    """The same where prewarmed containers are given another amount of memory."""

    resize = True


ORDERS = settings(max_examples=80, stateful_step_count=60, deadline=None, suppress_health_check=list(HealthCheck))
TestPoolOrders = PoolOrders.TestCase
TestPoolOrders.settings = ORDERS
TestResizingPoolOrders = ResizingPoolOrders.TestCase
TestResizingPoolOrders.settings = ORDERS
