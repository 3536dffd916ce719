"""Draining: what was accepted ends, then every container goes."""

from __future__ import annotations

from owactors.core.containerpool.events import ExpireIdle
from owactors.core.containerpool.instructions import ReportDrained, SendDismiss
from tests.core.pool_bench import PoolBench, action, run_of, stem_cells


def test_an_empty_pool_is_drained_at_once_and_says_so_once() -> None:
    bench = PoolBench.of(256)
    assert bench.drain() == [ReportDrained()]
    assert bench.drain() == []


def test_running_and_waiting_activations_end_before_containers_go() -> None:
    bench = PoolBench.of(512, stem_cells(1))
    bench.prewarmed(1)
    runs = [run_of(action("a", kind="python:3.11")), run_of(action("a", kind="python:3.11"))]
    bench.submit(runs[0])
    assert bench.drain() == []
    bench.submit(runs[1])
    bench.removed(1, replace_prewarm=True)
    bench.destroyed(1)
    assert bench.removals() == []
    bench.ended(runs[1])
    assert bench.removals() == []
    bench.ended(runs[0])
    assert sorted(bench.removals()) == [2, 3]
    bench.removed(2)
    assert bench.destroyed(2) == [SendDismiss(2)]
    bench.removed(3)
    assert bench.destroyed(3) == [SendDismiss(3), ReportDrained()]


def test_a_draining_pool_does_not_wait_for_a_container_whose_proxy_died() -> None:
    bench = PoolBench.of(256)
    bench.submit()
    bench.drain()
    assert bench.dies(1)[-1] == ReportDrained()


def test_containers_whose_time_is_over_are_removed_by_the_policy() -> None:
    bench = PoolBench.of(1024, idle_ttl=5.0)
    old, young = run_of(action("old")), run_of(action("young"))
    [first] = bench.warm(old)
    bench.now += 4
    bench.warm(young)
    bench.give(ExpireIdle(bench.now))
    assert bench.removals() == [first]
