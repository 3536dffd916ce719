"""The container pool's actor: what it says to proxies, feed, acks and store."""

from __future__ import annotations

from typing import Any

import pytest

from owactors.actor.containerpool import ADJUST, BACKFILL, EXPIRE, GAUGES, PROXY_ENDED, ContainerPool, TimerFired
from owactors.actor.poolreports import gauges
from owactors.message.ack import CombinedCompletionAndResultMessage, CompletionMessage
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
from owactors.message.containerdata import ContainerRef, WarmedData
from owactors.message.pool import Drain, Drained, GetPoolStatus, PoolStatus
from owactors.observe import tokens
from owactors.observe.metrics import METRICS
from tests.actor.harness import Bench
from tests.actor.pooling import INVOKER, PoolBench, like
from tests.core.pool_bench import KIND, action, run_of, stem_cells

REACTIVE: dict[str, Any] = {"min_count": 0, "max_count": 4, "ttl": 0.5, "threshold": 1, "increment": 1}


@pytest.mark.scenario("PL-01")
def test_a_child_that_needs_work_gets_the_next_run() -> None:
    bench = PoolBench(1024)
    first, second = run_of(), run_of()
    bench.submit(first)
    assert isinstance(bench.sent_to(bench.created[0].address)[0], ProxySetup)
    bench.need_work(0, first)
    bench.submit(second)
    assert bench.runs_of(0) == [first, second]
    assert len(bench.created) == 1
    assert bench.credits == 1


@pytest.mark.scenario("PL-02")
def test_an_equal_action_of_another_revision_goes_to_the_same_child() -> None:
    bench = PoolBench(1024)
    first, second = run_of(action()), run_of(action())
    bench.submit(first)
    bench.need_work(0, first)
    bench.submit(second)
    assert bench.runs_of(0) == [first, second]


@pytest.mark.scenario("PL-03")
def test_while_the_first_child_is_silent_a_second_is_created() -> None:
    bench = PoolBench(1024)
    first, second = run_of(), run_of()
    bench.submit(first, second)
    assert (bench.runs_of(0), bench.runs_of(1)) == ([first], [second])


@pytest.mark.scenario("PL-04")
@pytest.mark.scenario("PL-07")
@pytest.mark.parametrize("other", [run_of(action("other")), run_of(namespace="other")], ids=["action", "namespace"])
def test_an_idle_child_is_removed_for_what_it_cannot_serve(other: Run) -> None:
    bench = PoolBench(256)
    first = run_of()
    bench.submit(first)
    bench.need_work(0, first)
    bench.submit(other)
    assert bench.kinds(0) == [Run, Remove]
    bench.gone(0)
    assert bench.kinds(0) == [Run, Remove, Dismiss]
    assert bench.runs_of(1) == [other]
    assert bench.credits == 1


@pytest.mark.scenario("PL-05")
def test_two_idle_children_are_removed_for_a_large_job() -> None:
    bench = PoolBench(512)
    small = [run_of(action("a")), run_of(action("b"))]
    bench.submit(*small)
    for child, run in enumerate(small):
        bench.need_work(child, run)
    large = run_of(action("large", memory=512))
    bench.submit(large)
    assert (bench.kinds(0), bench.kinds(1)) == ([Run, Remove], [Run, Remove])
    bench.gone(0)
    bench.gone(1)
    assert bench.runs_of(2) == [large]


@pytest.mark.scenario("PL-06")
def test_the_least_recently_used_child_is_removed() -> None:
    bench = PoolBench(512)
    runs = [run_of(namespace=name) for name in ("one", "two")]
    bench.submit(*runs)
    for child, run in enumerate(runs):
        bench.need_work(child, run)
    bench.submit(run_of(namespace="three"))
    assert (bench.kinds(0), bench.kinds(1)) == ([Run, Remove], [Run])


@pytest.mark.scenario("PL-08")
def test_a_job_that_comes_back_goes_to_a_new_child_without_touching_the_feed() -> None:
    bench = PoolBench(1024)
    run = run_of()
    bench.submit(run)
    bench.said(0, RescheduleJob())
    bench.said(0, like(run))
    assert [again.msg for again in bench.runs_of(1)] == [run.msg]
    assert bench.credits == 0


@pytest.mark.scenario("PL-09")
def test_a_buffered_job_is_marked_and_sent_when_there_is_room() -> None:
    bench = PoolBench(512)
    small, large = run_of(), run_of(action("large", memory=512))
    bench.submit(small, large)
    bench.need_work(0, small)
    assert bench.credits == 1
    bench.gone(0)
    [sent] = bench.runs_of(1)
    assert sent.msg is large.msg
    assert sent.retry_log_deadline is not None


@pytest.mark.scenario("PL-10")
def test_with_room_for_one_prewarm_only_one_is_started() -> None:
    bench = PoolBench(256, stem_cells(2))
    assert len(bench.created) == 1
    assert bench.kinds(0) == [Start]


@pytest.mark.scenario("PL-11")
def test_a_prewarm_is_started_with_kind_and_memory() -> None:
    bench = PoolBench(1024, stem_cells(1))
    [start] = bench.told(0)
    assert (start.exec.kind, start.memory_limit.to_mb, start.ttl) == (KIND, 256, None)


@pytest.mark.scenario("PL-12")
def test_a_ready_prewarm_gets_the_run_and_is_replaced() -> None:
    bench = PoolBench(512, stem_cells(1, **REACTIVE))
    bench.prewarmed(0, KIND)
    run = run_of()
    bench.submit(run)
    assert bench.runs_of(0) == [run]
    assert [start.ttl for start in bench.told(1)] == [0.5]


@pytest.mark.scenario("PL-13")
def test_a_prewarm_of_another_kind_or_memory_is_left_alone() -> None:
    bench = PoolBench(1024, stem_cells(1))
    bench.prewarmed(0, KIND)
    other, small = run_of(action(kind="python:3.11")), run_of(action(memory=128))
    bench.submit(other, small)
    assert (bench.runs_of(0), bench.runs_of(1), bench.runs_of(2)) == ([], [other], [small])


@pytest.mark.scenario("PL-14")
def test_a_removed_child_gets_no_more_runs() -> None:
    bench = PoolBench(1024)
    first, second = run_of(), run_of()
    bench.submit(first)
    bench.need_work(0, first)
    bench.said(0, ContainerRemoved(True))
    bench.submit(second)
    assert (bench.runs_of(0), bench.runs_of(1)) == ([first], [second])


@pytest.mark.scenario("PL-15")
@pytest.mark.scenario("PL-16")
def test_jobs_behind_a_large_one_wait_in_order() -> None:
    bench = PoolBench(512)
    large = run_of(action("large", memory=512))
    small = [run_of(action("a")), run_of(action("b"))]
    bench.submit(large, *small)
    assert len(bench.created) == 1
    bench.need_work(0, large)
    bench.gone(0)
    first, second = bench.runs_of(1)[0], bench.runs_of(2)[0]
    assert [first.msg, second.msg] == [run.msg for run in small]
    assert first.retry_log_deadline is not None
    assert second.retry_log_deadline is None
    assert bench.credits == 1
    bench.need_work(1, small[0])
    bench.need_work(2, small[1])
    assert bench.credits == 3


@pytest.mark.scenario("PL-17")
def test_equal_jobs_run_one_after_the_other_in_one_child() -> None:
    bench = PoolBench(256)
    runs = [run_of() for _ in range(3)]
    bench.submit(*runs)
    bench.need_work(0, runs[0])
    bench.need_work(0, runs[1])
    assert [run.msg for run in bench.runs_of(0)] == [run.msg for run in runs]
    assert bench.credits == 2


@pytest.mark.scenario("PL-18")
@pytest.mark.scenario("PL-19")
def test_a_buffered_job_runs_once_after_children_left() -> None:
    bench = PoolBench(512)
    busy = [run_of(action("a")), run_of(action("b"))]
    waiting = run_of(action("c"))
    bench.submit(*busy, waiting)
    for child in (0, 1):
        bench.said(child, RescheduleJob(1, (busy[child].msg.activation_id,)))
        bench.said(child, ContainerDestroyed())
    assert [[run.msg for run in bench.runs_of(child)] for child in range(2, len(bench.created))] == [[waiting.msg]]


@pytest.mark.scenario("PL-20")
@pytest.mark.scenario("PL-21")
def test_children_take_as_many_runs_as_the_action_allows() -> None:
    bench = PoolBench(512)
    shared = action(concurrency=3)
    runs = [run_of(shared) for _ in range(6)]
    bench.submit(*runs)
    assert (len(bench.runs_of(0)), len(bench.runs_of(1))) == (3, 3)
    bench.need_work(0, runs[1])
    last = run_of(shared)
    bench.submit(last)
    assert bench.runs_of(0)[-1] is last


@pytest.mark.scenario("PL-22")
def test_failed_prewarms_are_replaced() -> None:
    bench = PoolBench(1024, stem_cells(2))
    for child in (0, 1):
        bench.gone(child)
    assert [bench.kinds(child) for child in (2, 3)] == [[Start], [Start]]
    assert len(bench.created) == 4


@pytest.mark.scenario("PL-23")
def test_without_reactive_prewarming_there_is_no_adjusting() -> None:
    assert ADJUST not in PoolBench(1024, stem_cells(1)).timers


@pytest.mark.scenario("PL-24")
@pytest.mark.scenario("PL-25")
def test_the_adjusting_timer_removes_expired_prewarms_and_follows_demand() -> None:
    bench = PoolBench(
        2048,
        stem_cells(1, **REACTIVE),
        prewarm_expiration_check_init_delay=7.0,
        prewarm_expiration_check_interval=5.0,
        prewarm_expiration_check_interval_variance=1.0,
    )
    assert bench.timers[ADJUST] == 7.0
    bench.prewarmed(0, KIND, expires=1.0)
    bench.fire(ADJUST)
    assert bench.kinds(0) == [Start, Remove]
    assert 5.0 <= bench.timers[ADJUST] <= 6.0
    bench.said(0, ContainerRemoved(False))
    bench.said(0, ContainerDestroyed())
    bench.submit(run_of(action("a")), run_of(action("b")))
    bench.fire(ADJUST)
    assert [bench.kinds(child) for child in (3, 4)] == [[Start], [Start]]


def test_prewarms_that_keep_failing_wait_for_a_timer() -> None:
    bench = PoolBench(256, stem_cells(1), prewarm_max_retry_limit=0, prewarm_backoff=3.0)
    bench.gone(0)
    assert bench.timers[BACKFILL] == pytest.approx(3.0, abs=0.5)
    assert len(bench.created) == 1
    bench.actor._machine.prewarming._failures.clear()
    bench.fire(BACKFILL)
    assert bench.kinds(1) == [Start]


@pytest.mark.parametrize(("blocking", "kind"), [(True, CombinedCompletionAndResultMessage), (False, CompletionMessage)])
def test_when_a_proxy_dies_its_jobs_end_with_one_record_and_one_ack(blocking: bool, kind: type) -> None:
    from attrs import evolve

    bench = PoolBench(256)
    run = run_of()
    run = Run(run.action, evolve(run.msg, blocking=blocking))
    waiting = run_of(action("other"))
    bench.submit(run, waiting)
    bench.child_exited(bench.created[0])
    bench.child_exited(bench.created[0])
    [ack] = bench.sent_to("acks")
    assert isinstance(ack, SendAck)
    assert isinstance(ack.ack, kind)
    assert ack.ack.activation_id == run.msg.activation_id
    [stored] = bench.sent_to("store")
    assert isinstance(stored, StoreActivation)
    assert stored.activation.response.result == {"error": PROXY_ENDED}
    assert stored.activation.response.is_whisk_error
    assert bench.credits == 1
    assert [again.msg for again in bench.runs_of(1)] == [waiting.msg]


def test_a_dismissed_proxy_that_exits_is_nothing_special() -> None:
    bench = PoolBench(256)
    run = run_of()
    bench.submit(run)
    bench.need_work(0, run)
    bench.leaves(0)
    bench.said(0, ContainerDestroyed())
    bench.child_exited(bench.created[0])
    assert bench.kinds(0) == [Run, Dismiss]
    assert bench.messages((SendAck, StoreActivation)) == []


def test_a_thousand_calls_at_once_make_eight_children() -> None:
    bench = PoolBench(8 * 256)
    runs = {run.msg.activation_id: run for run in (run_of() for _ in range(1000))}
    for run in runs.values():
        bench.give(run, INVOKER)
    assert len(bench.created) == 8
    served = 0
    for turn in range(1000):
        child = turn % 8
        mine = bench.runs_of(child)
        bench.give(_need_work(mine[-1]), bench.created[child].address)
        served += 1
    assert (served, bench.credits, len(bench.created)) == (1000, 1000, 8)
    assert len(bench.messages(Run)) == 1000


def _need_work(run: Run) -> NeedWork:
    data = WarmedData(ContainerRef("c"), "guest", run.action, 0.0)
    return NeedWork(data, 1, (run.msg.activation_id,))


def test_messages_of_strangers_are_dropped() -> None:
    bench = PoolBench(256)
    bench.give(ContainerRemoved(True), "somebody")
    assert bench.sent == []


def test_runs_that_come_before_the_setup_wait_for_it() -> None:
    bench = Bench(ContainerPool)
    run = run_of()
    bench.give(run, INVOKER)
    assert bench.created == []
    setup = PoolBench(256).setup(256)
    bench.give(setup, INVOKER)
    assert bench.messages(Run) == [run]


def test_draining_ends_with_an_answer() -> None:
    bench = PoolBench(512)
    run = run_of()
    bench.submit(run)
    bench.give(Drain(), "node")
    assert bench.sent_to("node") == []
    bench.need_work(0, run)
    assert bench.kinds(0) == [Run, Remove]
    bench.gone(0)
    assert bench.sent_to("node") == [Drained()]
    bench.give(Drain(), "node")
    assert bench.sent_to("node") == [Drained(), Drained()]


def test_a_pool_that_exits_does_not_fail_what_its_proxies_end() -> None:
    bench = PoolBench(512)
    bench.submit(run_of())
    bench.exit()
    bench.child_exited(bench.created[0])
    assert bench.messages((SendAck, StoreActivation)) == []


def test_the_status_tells_what_containers_do() -> None:
    bench = PoolBench(768, stem_cells(1))
    bench.prewarmed(0, KIND)
    first, second = (run_of(action(name, kind="python:3.11")) for name in "ab")
    bench.submit(first, second)
    bench.need_work(1, first)
    bench.submit(run_of(action("large", memory=768)))
    bench.give(GetPoolStatus(), "node")
    [status] = bench.sent_to("node")
    assert status == PoolStatus(
        user_memory=768,
        busy_count=1,
        busy_memory=256,
        idle_count=1,
        idle_memory=256,
        prewarm_count=1,
        prewarm_memory=256,
        leaving_count=0,
        leaving_memory=0,
        running=1,
        waiting_count=1,
        waiting_memory=768,
    )
    assert gauges(status)[tokens.POOL_RUNBUFFER_SIZE] == 768


def test_gauges_are_set_now_and_again() -> None:
    bench = PoolBench(512)
    assert bench.timers[GAUGES] == 30.0
    bench.fire(GAUGES)
    assert bench.timers[GAUGES] == 10.0
    names = [name for name, _ in METRICS.snapshot().gauges]
    assert any("containerPool_idlesCount" in name for name in names)


def test_a_machine_that_fails_on_a_run_ends_it_and_goes_on() -> None:
    bench = PoolBench(512)

    class Broken:
        def arrived(self, function: str, now: float) -> None:
            raise RuntimeError("no policy today")

    machine = bench.actor._machine
    good, machine.policy = machine.policy, Broken()
    bad = run_of()
    bench.give(bad, INVOKER)
    [stored] = bench.sent_to("store")
    assert "no policy today" in stored.activation.response.result["error"]
    assert bench.credits == 1
    machine.policy = good
    next_run = run_of()
    bench.submit(next_run)
    assert bench.runs_of(0) == [next_run]


def test_an_unexpected_timer_changes_nothing() -> None:
    bench = PoolBench(512)
    bench.give(TimerFired("other"), "self")
    assert bench.sent == []


def test_idle_children_whose_time_is_over_are_removed() -> None:
    bench = PoolBench(1024, idle_ttl=0.0)
    run, busy = run_of(), run_of(action("busy"))
    bench.submit(run, busy)
    bench.need_work(0, run)
    assert bench.timers[EXPIRE] == 0.1
    bench.fire(EXPIRE)
    assert (bench.kinds(0), bench.kinds(1)) == ([Run, Remove], [Run])
    assert bench.timers[EXPIRE] == 0.1
