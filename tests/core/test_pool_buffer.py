"""The run buffer: strict order, complaints, credit."""

from __future__ import annotations

import pytest

from owactors.core.containerpool.instructions import FailRun, ReleaseCredits
from tests.core.pool_bench import PoolBench, action, run_of


@pytest.mark.scenario("PL-09")
def test_a_job_without_room_waits_and_is_marked() -> None:
    bench = PoolBench.of(512)
    small, large = run_of(), run_of(action("large", memory=512))
    bench.submit(small)
    bench.submit(large)
    assert bench.sent() == []
    bench.ended(small)
    assert bench.credits == 1
    bench.destroyed(1)
    [sent] = bench.sent()
    assert sent.run.msg is large.msg
    assert sent.run.retry_log_deadline == bench.now + 10


@pytest.mark.scenario("PL-15")
def test_only_the_head_of_the_buffer_is_marked_and_each_activation_returns_one_credit() -> None:
    bench = PoolBench.of(512)
    large = run_of(action("large", memory=512))
    small = [run_of(action("a")), run_of(action("b"))]
    bench.submit_all([large, *small])
    bench.ended(large)
    assert bench.credits == 1
    bench.destroyed(1)
    first, second = bench.sent()
    assert first.run.msg is small[0].msg
    assert first.run.retry_log_deadline is not None
    assert second.run is small[1]
    assert second.run.retry_log_deadline is None
    for run in small:
        bench.ended(run)
    assert bench.credits == 3


@pytest.mark.scenario("PL-16")
def test_small_jobs_do_not_overtake_a_blocked_large_one() -> None:
    bench = PoolBench.of(1024)
    first = [run_of(action("a", memory=512)), run_of(action("b"))]
    bench.submit_all(first)
    large = run_of(action("large", memory=1024))
    bench.submit(large)
    small = [run_of(action("c")), run_of(action("b"))]
    bench.submit_all(small)
    bench.ended(first[1])
    assert bench.sent() == []
    bench.ended(first[0])
    assert sorted(bench.removals()) == [1, 2]
    bench.destroyed(1)
    bench.destroyed(2)
    assert [each.run.msg for each in bench.sent()] == [large.msg]
    assert len(bench.pool.waiting) == 2


@pytest.mark.scenario("PL-17")
def test_three_equal_jobs_with_room_for_one_run_one_after_the_other() -> None:
    bench = PoolBench.of(256)
    runs = [run_of() for _ in range(3)]
    bench.submit_all(runs)
    bench.ended(runs[0])
    assert bench.sent()[0].run.retry_log_deadline is not None
    bench.ended(runs[1])
    # the third waited at the head from the first completion on, where one complaint is made
    assert bench.sent()[0].run.msg is runs[2].msg
    assert bench.credits == 2


@pytest.mark.scenario("PL-18")
def test_a_buffered_job_runs_on_a_new_container_after_the_only_one_left() -> None:
    bench = PoolBench.of(256)
    first, second = run_of(), run_of()
    bench.submit_all([first, second])
    bench.rescheduled(1)
    bench.handed_back(first)
    bench.destroyed(1)
    assert bench.container_of(first) == 2
    bench.ended(first)
    assert bench.container_of(second) == 2


@pytest.mark.scenario("PL-19")
def test_the_head_of_the_buffer_is_sent_once_though_several_containers_go() -> None:
    bench = PoolBench.of(768)
    busy = [run_of(action(name)) for name in "abc"]
    bench.submit_all(busy)
    waiting = run_of(action("d"))
    bench.submit(waiting)
    sent = []
    for number in (1, 2, 3):
        bench.removed(number, finished=1)
        sent += bench.sent()
    for number in (1, 2, 3):
        bench.destroyed(number)
        sent += bench.sent()
    assert [each.run.msg for each in sent] == [waiting.msg]


def test_a_thousand_calls_at_once_never_make_more_containers_than_there_is_room() -> None:
    bench = PoolBench.of(8 * 256)
    bench.check = False
    runs = [run_of() for _ in range(1000)]
    bench.submit_all(runs)
    most, done = 0, 0
    active = list(bench.runs)
    while active:
        most = max(most, len(bench.pool.books.entries))
        _, run = bench.runs[active.pop(0)]
        bench.ended(run)
        done += 1
        active.extend(each.run.msg.activation_id for each in bench.sent())
    assert (done, most, bench.credits) == (1000, 8, 1000)
    assert len(bench.pool.accepted) == 0


def test_when_a_proxy_dies_its_jobs_fail_and_its_memory_is_free() -> None:
    bench = PoolBench.of(256)
    run, waiting = run_of(), run_of(action("other"))
    bench.submit_all([run, waiting])
    out = bench.dies(1, "the process of its container proxy ended")
    assert FailRun(run, "the process of its container proxy ended") in out
    assert ReleaseCredits(1) in out
    assert bench.container_of(waiting) == 2


def test_when_a_proxy_dies_that_was_known_to_go_nothing_fails_twice() -> None:
    bench = PoolBench.of(512)
    bench.submit(run_of())
    bench.removed(1, finished=1)
    assert not [each for each in bench.dies(1) if isinstance(each, FailRun)]
    assert bench.dies(1) == []
    assert bench.stages() == []
    assert bench.credits == 1


def test_a_proxy_that_dies_after_its_container_fails_the_runs_that_were_on_their_way() -> None:
    bench = PoolBench.of(512)
    [old] = bench.warm(run_of())
    late = run_of()
    bench.submit(late)
    bench.rescheduled(old)
    bench.destroyed(old)
    assert bench.dies(old) == [FailRun(late, "killed"), ReleaseCredits(1)]
    assert bench.stages() == []
