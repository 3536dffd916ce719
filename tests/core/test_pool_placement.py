"""Where an activation goes: warm, prewarmed, cold, after an eviction, or into the buffer."""

from __future__ import annotations

import pytest
from attrs import evolve

from owactors.core.containerpool.instructions import (
    CreateProxy,
    FailRun,
    ReleaseCredits,
    ReportTwin,
    ReportWaiting,
    SendDismiss,
    SendRun,
)
from owactors.core.keepalive.port import StartKind
from owactors.entity.ids import DocRevision
from owactors.entity.semver import SemVer
from tests.core.pool_bench import PoolBench, action, run_of


def starts(instructions: list[object]) -> list[StartKind]:
    return [each.start for each in instructions if isinstance(each, SendRun)]


@pytest.mark.scenario("PL-01")
def test_a_container_that_needs_work_gets_the_next_run_of_its_action() -> None:
    bench = PoolBench.of(1024)
    first, second = run_of(), run_of()
    assert bench.submit(first) == [CreateProxy(1), SendRun(1, first, StartKind.COLD)]
    assert bench.ended(first) == [ReleaseCredits(1)]
    assert bench.submit(second) == [SendRun(1, second, StartKind.WARMED)]


@pytest.mark.scenario("PL-02")
def test_another_document_revision_of_an_equal_action_meets_the_same_container() -> None:
    bench = PoolBench.of(1024)
    first = run_of(action(revision=DocRevision("1-a")))
    second = run_of(action(revision=DocRevision("2-b")))
    bench.warm(first)
    assert bench.submit(second) == [SendRun(1, second, StartKind.WARMED)]


@pytest.mark.scenario("PL-03")
def test_while_the_first_container_is_silent_the_same_action_gets_a_second() -> None:
    bench = PoolBench.of(1024)
    first, second = run_of(), run_of()
    bench.submit_all([first, second])
    assert bench.container_of(first) != bench.container_of(second)


@pytest.mark.scenario("PL-04")
def test_an_idle_container_makes_room_for_another_action_once_its_memory_is_free() -> None:
    bench = PoolBench.of(256)
    [old] = bench.warm(run_of())
    assert bench.credits == 1
    other = run_of(action("other"))
    bench.submit(other)
    assert bench.removals() == [old]
    assert bench.sent() == []
    bench.removed(old)
    assert bench.sent() == []
    assert bench.destroyed(old) == [SendDismiss(old), CreateProxy(2), SendRun(2, other, StartKind.RECREATED)]


@pytest.mark.scenario("PL-05")
def test_two_idle_containers_make_room_for_a_large_one() -> None:
    bench = PoolBench.of(512)
    old = bench.warm(run_of(), run_of(action("b")))
    large = run_of(action("large", memory=512))
    bench.submit(large)
    assert sorted(bench.removals()) == sorted(old)
    bench.destroyed(old[0])
    assert bench.sent() == []
    bench.destroyed(old[1])
    assert [each.run for each in bench.sent()] == [large]


@pytest.mark.scenario("PL-06")
def test_the_least_recently_used_container_is_evicted() -> None:
    bench = PoolBench.of(512)
    first, second = run_of(namespace="one"), run_of(namespace="two")
    bench.warm(first)
    bench.warm(second)
    bench.warm(run_of(namespace="one"))
    bench.submit(run_of(namespace="three"))
    assert bench.removals() == [bench.container_of(second)]


@pytest.mark.scenario("PL-07")
def test_a_container_serves_no_other_invocation_namespace() -> None:
    bench = PoolBench.of(256)
    [old] = bench.warm(run_of(namespace="one"))
    other = run_of(namespace="two")
    bench.submit(other)
    assert bench.removals() == [old]
    bench.destroyed(old)
    assert [each.run for each in bench.sent()] == [other]


@pytest.mark.scenario("PL-08")
def test_a_run_handed_back_goes_to_a_new_container_and_keeps_its_credit() -> None:
    bench = PoolBench.of(1024)
    run = run_of()
    bench.submit(run)
    bench.rescheduled(1)
    assert bench.handed_back(run) == [CreateProxy(2), SendRun(2, run, StartKind.COLD)]
    assert bench.credits == 0
    bench.ended(run)
    assert bench.credits == 1


def test_a_run_that_a_container_refused_keeps_the_count_of_refusals() -> None:
    bench = PoolBench.of(1024)
    run = run_of()
    bench.submit(run)
    bench.rescheduled(1)
    bench.says(1, evolve(run, attempts=1))
    assert bench.sent()[0].run.attempts == 1


@pytest.mark.scenario("PL-14")
def test_a_removed_container_gets_nothing_more() -> None:
    bench = PoolBench.of(1024)
    [old] = bench.warm(run_of())
    bench.removed(old)
    run = run_of()
    assert bench.submit(run) == [CreateProxy(2), SendRun(2, run, StartKind.COLD)]


@pytest.mark.scenario("PL-20")
def test_a_container_takes_as_many_activations_as_its_action_allows() -> None:
    bench = PoolBench.of(1024)
    shared = action(concurrency=3)
    runs = [run_of(shared) for _ in range(4)]
    other = run_of(shared, namespace="other")
    kinds = starts(bench.submit_all([*runs, other]))
    assert [bench.container_of(run) for run in runs] == [1, 1, 1, 2]
    assert bench.container_of(other) == 3
    assert kinds == [StartKind.COLD, StartKind.WARMING_COLD, StartKind.WARMING_COLD, StartKind.COLD, StartKind.COLD]


@pytest.mark.scenario("PL-21")
def test_room_in_one_of_two_full_containers_is_used() -> None:
    bench = PoolBench.of(512)
    shared = action(concurrency=3)
    runs = [run_of(shared) for _ in range(6)]
    bench.submit_all(runs)
    bench.ended(runs[0])
    last = run_of(shared)
    assert bench.submit(last) == [SendRun(1, last, StartKind.WARMED)]


@pytest.mark.scenario("PL-29")
def test_no_container_is_made_before_there_is_memory_for_it() -> None:
    bench = PoolBench.of(512)
    busy, idle = run_of(), run_of(action("idle"))
    bench.submit(busy)
    bench.warm(idle)
    large = run_of(action("large", memory=512))
    bench.submit(large)
    assert bench.removals() == []
    assert bench.sent() == []
    bench.ended(busy)
    assert len(bench.removals()) == 2


@pytest.mark.scenario("PL-31")
def test_an_empty_pool_and_starting_prewarms_offer_no_warm_container() -> None:
    bench = PoolBench.of(1024)
    assert bench.pool.books.find_group(run_of()) is None
    bench.warm(run_of(), run_of())
    group = bench.pool.books.find_group(run_of())
    assert group is not None
    entry = group.take()
    assert entry is not None
    assert entry.number in {1, 2}


@pytest.mark.scenario("PL-32")
@pytest.mark.parametrize(
    "other",
    [
        run_of(namespace="other"),
        run_of(action("other")),
        run_of(action(version=SemVer(0, 0, 2))),
        run_of(action(publish=True)),
    ],
    ids=["namespace", "name", "version", "content"],
)
def test_what_differs_gets_a_container_of_its_own(other: object) -> None:
    bench = PoolBench.of(1024)
    bench.warm(run_of())
    assert starts(bench.submit(other)) == [StartKind.COLD]


@pytest.mark.scenario("PL-33")
def test_a_full_container_is_not_chosen_and_one_below_is() -> None:
    bench = PoolBench.of(1024)
    shared = action(concurrency=2)
    assert starts(bench.submit_all(run_of(shared) for _ in range(3))) == [
        StartKind.COLD,
        StartKind.WARMING_COLD,
        StartKind.COLD,
    ]


@pytest.mark.scenario("PL-34")
def test_warm_is_preferred_to_warming() -> None:
    bench = PoolBench.of(1024)
    shared = action(concurrency=2)
    first, second = [run_of(shared) for _ in range(2)], [run_of(shared) for _ in range(2)]
    bench.submit_all([*first, *second[:1]])
    bench.ended(first[0])
    assert starts(bench.submit(second[1])) == [StartKind.WARMED]
    assert starts(bench.submit(run_of(shared))) == [StartKind.WARMING_COLD]


def test_a_handed_back_run_goes_before_all_that_wait() -> None:
    bench = PoolBench.of(256)
    run, waiting = run_of(), run_of()
    bench.submit_all([run, waiting])
    bench.rescheduled(1)
    bench.handed_back(run)
    bench.destroyed(1)
    assert [each.run.msg.activation_id for each in bench.sent()] == [run.msg.activation_id]


def test_an_action_larger_than_the_pool_fails_at_once() -> None:
    bench = PoolBench.of(256)
    run = run_of(action(memory=512))
    reason = "the action needs 512 MB, all containers here together may use 256 MB"
    assert bench.submit(run) == [FailRun(run, reason), ReleaseCredits(1)]


def test_the_same_activation_twice_is_run_once() -> None:
    bench = PoolBench.of(1024)
    run = run_of()
    bench.submit(run)
    assert bench.submit(run) == [ReportTwin(run), ReleaseCredits(1)]
    bench.ended(run)
    assert len(bench.sent()) == 0
    assert bench.submit(run)[0] == SendRun(1, run, StartKind.WARMED)


def test_while_memory_is_on_the_way_others_run_in_their_warm_containers() -> None:
    bench = PoolBench.of(512)
    old, _ = bench.warm(run_of(action("a")), run_of(action("b")))
    bench.submit(run_of(action("c")))
    assert bench.removals() == [old]
    assert starts(bench.submit(run_of(action("b")))) == [StartKind.WARMED]


def test_a_promised_run_takes_a_container_of_its_own_that_becomes_idle_first() -> None:
    bench = PoolBench.of(512)
    busy = run_of(action("a"))
    bench.submit(busy)
    [old] = bench.warm(run_of(action("b")))
    second = run_of(action("a"))
    bench.submit(second)
    assert bench.removals() == [old]
    assert [each.run for each in (bench.ended(busy), bench.sent())[1]] == [second]
    assert starts(bench.destroyed(old)) == []
    assert bench.pool.waiting.promised == 0


def test_two_runs_that_need_room_evict_one_container_each() -> None:
    bench = PoolBench.of(512)
    old = bench.warm(run_of(action("a")), run_of(action("b")))
    waiting = [run_of(action("c")), run_of(action("d"))]
    bench.submit_all(waiting)
    assert len(bench.pool.waiting) == 2
    for number in old:
        bench.destroyed(number)
    assert {bench.container_of(run) for run in waiting} == {3, 4}


def test_only_what_is_lacking_is_evicted() -> None:
    bench = PoolBench.of(768)
    bench.warm(run_of(action("a")), run_of(action("b")))
    bench.submit(run_of(action("large", memory=512)))
    assert len(bench.removals()) == 1


def test_the_reports_of_an_unknown_container_change_nothing() -> None:
    bench = PoolBench.of(1024)
    bench.warm(run_of())
    run = run_of()
    bench.runs[run.msg.activation_id] = (99, run)
    assert bench.ended(run) == []
    assert bench.removed(99) == []
    assert bench.handed_back(run) == []
    assert bench.destroyed(99) == [SendDismiss(99)]


def test_activations_that_ended_before_the_container_left_are_counted() -> None:
    bench = PoolBench.of(1024)
    bench.submit(run_of())
    bench.removed(1, finished=1)
    assert bench.credits == 1
    bench.destroyed(1)
    assert bench.credits == 1


def test_a_failed_activation_is_counted_when_its_container_is_destroyed() -> None:
    bench = PoolBench.of(1024)
    bench.submit(run_of())
    bench.rescheduled(1)
    bench.destroyed(1, finished=1)
    assert bench.credits == 1
    assert bench.stages() == []


def test_runs_under_way_to_a_container_that_is_gone_come_back() -> None:
    bench = PoolBench.of(1024)
    [old] = bench.warm(run_of())
    run = run_of()
    bench.submit(run)
    bench.rescheduled(old)
    assert bench.destroyed(old) == [SendDismiss(old)]
    assert bench.stages() == ["gone"]
    assert starts(bench.handed_back(run)) == [StartKind.COLD]
    assert bench.stages() == ["warmingCold"]


@pytest.mark.scenario("PL-30")
def test_a_blocked_head_is_reported_every_ten_seconds_at_most() -> None:
    bench = PoolBench.of(768)
    small = [run_of(action(name)) for name in "abc"]
    bench.submit_all(small)
    large = run_of(action("large", memory=768))
    assert bench.submit(large) == [ReportWaiting(large, 0)]
    bench.now += 9
    assert bench.ended(small[0]) == [ReleaseCredits(1)]
    bench.now += 2
    reports = [each for each in bench.ended(small[1]) if isinstance(each, ReportWaiting)]
    assert [report.run.msg.activation_id for report in reports] == [large.msg.activation_id]
    bench.now += 9
    bench.submit()
    assert bench.out == []
