"""Prewarmed containers: how many, when, and what becomes of them."""

from __future__ import annotations

from typing import Any

import pytest

from owactors.core.containerpool.events import BackfillPrewarmed
from owactors.core.containerpool.instructions import (
    BackfillLater,
    CreateProxy,
    ReportPrewarm,
    ReportShortage,
    SendRun,
    SendStart,
)
from owactors.core.containerpool.settings import PoolSettings, PrewarmingConfig, prewarming_of
from owactors.core.keepalive.port import StartKind
from owactors.entity.exec import CodeExec
from owactors.entity.manifest import ExecManifest, ReactivePrewarm
from tests.core.pool_bench import KIND, PoolBench, action, run_of, stem_cells

REACTIVE: dict[str, Any] = {"min_count": 0, "max_count": 4, "ttl": 0.5, "threshold": 1, "increment": 1}


def stems(bench: PoolBench) -> list[int]:
    """The numbers of all prewarms that exist."""
    return [n for n, entry in bench.pool.books.entries.items() if entry.stage.value in ("starting", "prewarmed")]


@pytest.mark.scenario("PL-10")
def test_only_as_many_prewarms_start_as_there_is_room() -> None:
    bench = PoolBench.of(256, stem_cells(2))
    assert len(bench.starts()) == 1
    assert ReportShortage(KIND, 256) in bench.out


@pytest.mark.scenario("PL-11")
def test_prewarms_start_with_the_pool() -> None:
    bench = PoolBench.of(1024, stem_cells(1))
    assert bench.out == [CreateProxy(1), SendStart(1, CodeExec(KIND, ""), 256, None)]


@pytest.mark.scenario("PL-12")
@pytest.mark.parametrize("reactive", [{}, REACTIVE], ids=["plain", "reactive"])
def test_a_matching_run_gets_the_prewarm_and_another_is_started(reactive: dict[str, Any]) -> None:
    bench = PoolBench.of(512, stem_cells(1, **reactive))
    bench.prewarmed(1)
    run = run_of()
    ttl = 0.5 if reactive else None
    assert bench.submit(run) == [
        SendRun(1, run, StartKind.PREWARMED),
        CreateProxy(2),
        SendStart(2, CodeExec(KIND, ""), 256, ttl),
    ]
    bench.ended(run)
    again = run_of()
    assert bench.submit(again) == [SendRun(1, again, StartKind.WARMED)]


def test_a_prewarm_that_was_given_to_an_action_is_warming() -> None:
    bench = PoolBench.of(512, stem_cells(1))
    bench.prewarmed(1)
    shared = action(concurrency=2)
    bench.submit(run_of(shared))
    assert [each.start for each in (bench.submit(run_of(shared)), bench.sent())[1]] == [StartKind.WARMING]


@pytest.mark.scenario("PL-13")
@pytest.mark.parametrize("other", [action(kind="python:3.11"), action(memory=128)], ids=["kind", "memory"])
def test_a_prewarm_that_does_not_match_is_left_alone(other: object) -> None:
    bench = PoolBench.of(1024, stem_cells(1))
    bench.prewarmed(1)
    bench.submit(run_of(other))
    assert [each.start for each in bench.sent()] == [StartKind.COLD]


@pytest.mark.scenario("PL-22")
def test_two_prewarms_that_failed_are_replaced_by_two() -> None:
    bench = PoolBench.of(1024, stem_cells(2))
    started = []
    for number in (1, 2):
        bench.removed(number)
        started += bench.starts()
        bench.destroyed(number)
        started += bench.starts()
    assert len(started) == 2


@pytest.mark.scenario("PL-23")
def test_nothing_is_added_to_what_is_enough() -> None:
    bench = PoolBench.of(1024, stem_cells(2))
    bench.prewarmed(1)
    bench.prewarmed(2)
    assert bench.adjust() == []
    assert not bench.pool.settings.reactive


@pytest.mark.scenario("PL-24")
def test_expired_prewarms_are_removed_and_not_replaced_without_demand() -> None:
    bench = PoolBench.of(2048, stem_cells(2, **REACTIVE))
    for number in (1, 2):
        bench.prewarmed(number, expires=bench.now + 0.5)
    bench.now += 1
    bench.adjust()
    assert bench.removals() == [1, 2]
    assert bench.starts() == []
    assert ReportPrewarm("expired", KIND, 256, 2) in bench.out
    for number in (1, 2):
        bench.removed(number, replace_prewarm=False)
        assert bench.starts() == []
        bench.destroyed(number)
        assert bench.starts() == []


@pytest.mark.scenario("PL-25")
@pytest.mark.parametrize(("cold_starts", "desired"), [(2, 2), (5, 4)])
def test_prewarms_follow_the_cold_starts_of_the_last_interval(cold_starts: int, desired: int) -> None:
    bench = PoolBench.of(4096, stem_cells(1, **REACTIVE))
    bench.removed(1, replace_prewarm=False)
    bench.destroyed(1)
    bench.submit_all(run_of(action(f"a{number}")) for number in range(cold_starts))
    bench.adjust()
    assert len(bench.starts()) == desired
    assert ReportPrewarm("coldstart", KIND, 256, cold_starts) in bench.out
    for number in stems(bench):
        bench.prewarmed(number, expires=bench.now)
    bench.adjust()
    assert bench.starts() == []


@pytest.mark.scenario("PL-26")
def test_an_expired_prewarm_that_is_still_there_is_used() -> None:
    bench = PoolBench.of(256, stem_cells(1, **REACTIVE))
    bench.prewarmed(1, expires=bench.now + 0.5)
    bench.now += 5
    bench.submit()
    assert [each.start for each in bench.sent()] == [StartKind.PREWARMED]


@pytest.mark.scenario("PL-27")
@pytest.mark.parametrize(("reactive", "restarted"), [({}, 2), ({**REACTIVE, "min_count": 1}, 1)])
def test_backfill_only_when_asked_for_and_to_the_count_it_should_be(reactive: dict[str, Any], restarted: int) -> None:
    bench = PoolBench.of(1024, stem_cells(2, **reactive))
    for number in (1, 2):
        bench.prewarmed(number)
        bench.removed(number, replace_prewarm=False)
        assert bench.starts() == []
        bench.destroyed(number)
    bench.submit()
    bench.removed(3, replace_prewarm=True, finished=1)
    assert len(bench.starts()) == restarted


@pytest.mark.scenario("PL-28")
def test_a_ready_prewarm_returns_no_credit() -> None:
    bench = PoolBench.of(1024, stem_cells(1))
    assert bench.prewarmed(1) == []
    assert bench.credits == 0


@pytest.mark.scenario("PL-37")
def test_expired_prewarms_go_in_the_order_of_their_deadlines_up_to_the_limit() -> None:
    other = PrewarmingConfig(2, CodeExec("python:3.11", ""), 128, ReactivePrewarm(2, 4, 0.5, 1, 1))
    bench = PoolBench.of(2048, stem_cells(2, **REACTIVE), other, prewarm_expiration_limit=3)
    for number, after in {1: 4.0, 2: 1.0, 3: 2.0, 4: 3.0}.items():
        bench.prewarmed(number, expires=bench.now + after)
    bench.now += 5
    bench.adjust()
    assert bench.removals() == [2, 3, 4]


def test_the_first_to_expire_is_taken_first() -> None:
    bench = PoolBench.of(2048, stem_cells(3, **REACTIVE))
    for number, after in {1: 4.0, 2: 1.0, 3: 2.0}.items():
        bench.prewarmed(number, expires=bench.now + after)
    taken = []
    for _ in range(3):
        bench.submit()
        taken.append(bench.sent()[0].container)
    assert taken == [2, 3, 1]


def test_prewarms_that_keep_failing_are_started_less_and_less_often() -> None:
    bench = PoolBench.of(256, stem_cells(1), prewarm_max_retry_limit=2, prewarm_backoff=1.0)
    pauses = []
    for _ in range(20):
        [number] = stems(bench)
        out = bench.removed(number)
        out += bench.destroyed(number)
        later = [each.seconds for each in out if isinstance(each, BackfillLater)]
        if later:
            pauses.append(later[0])
            assert stems(bench) == []
            bench.now += later[0]
            bench.give(BackfillPrewarmed(bench.now))
        if len(pauses) == 3:
            break
    assert pauses == [1.0, 2.0, 4.0]
    bench.prewarmed(stems(bench)[0])
    assert bench.pool.prewarming.pause((KIND, 256), bench.now) == 0


def test_an_idle_prewarm_of_another_kind_does_not_block_a_run_for_ever() -> None:
    bench = PoolBench.of(256, stem_cells(1))
    bench.prewarmed(1)
    run = run_of(action(kind="python:3.11"))
    bench.submit(run)
    assert bench.removals() == [1]
    bench.removed(1, replace_prewarm=False)
    bench.destroyed(1)
    assert bench.container_of(run) == 2


@pytest.mark.parametrize("ready_all_the_same", [False, True])
def test_no_run_waits_for_a_prewarm_that_is_being_made(ready_all_the_same: bool) -> None:
    bench = PoolBench.of(256, stem_cells(1))
    run = run_of()
    bench.submit(run)
    assert bench.removals() == [1]
    if ready_all_the_same:
        bench.prewarmed(1)
    bench.removed(1, replace_prewarm=False)
    assert bench.sent() == []
    bench.destroyed(1)
    assert [(each.run.msg, each.start) for each in bench.sent()] == [(run.msg, StartKind.RECREATED)]
    assert bench.starts() == []


def test_what_is_idle_goes_first_then_ready_prewarms_then_the_one_that_was_begun_last() -> None:
    bench = PoolBench.of(1024, stem_cells(3))
    bench.warm(run_of(action(kind="python:3.11")))
    bench.prewarmed(1)
    gone = []
    for number in range(4):
        bench.submit(run_of(action(f"a{number}", kind="python:3.11")))
        gone += bench.removals()
    assert gone == [4, 1, 3, 2]
    assert bench.pool.books.stem_cells == 0


def test_prewarms_that_would_not_be_enough_are_made_to_their_end() -> None:
    bench = PoolBench.of(768, stem_cells(1))
    bench.submit(run_of(action("busy", memory=512, kind="python:3.11")))
    bench.submit(run_of(action("large", memory=512, kind="python:3.11")))
    assert bench.removals() == []
    assert stems(bench) == [1]


def test_a_prewarm_that_was_given_up_has_not_failed_and_is_made_when_there_is_room() -> None:
    bench = PoolBench.of(256, stem_cells(1), prewarm_max_retry_limit=0)
    run = run_of(action(kind="python:3.11"))
    bench.submit(run)
    bench.removed(1, replace_prewarm=False)
    bench.destroyed(1)
    bench.removed(bench.container_of(run), finished=1)
    bench.destroyed(bench.container_of(run))
    assert len(bench.starts()) == 1


def test_prewarms_that_found_no_room_are_made_when_there_is_room() -> None:
    bench = PoolBench.of(512, stem_cells(1))
    bench.prewarmed(1)
    runs = [run_of(action(name, kind="python:3.11")) for name in "ab"]
    bench.submit_all(runs)
    bench.removed(1, replace_prewarm=False)
    bench.destroyed(1)
    assert stems(bench) == []
    bench.removed(bench.container_of(runs[0]), finished=1)
    bench.destroyed(bench.container_of(runs[0]))
    assert len(stems(bench)) == 1


def test_a_prewarm_whose_proxy_died_is_replaced() -> None:
    bench = PoolBench.of(512, stem_cells(1))
    bench.prewarmed(1)
    bench.dies(1)
    assert stems(bench) == [2]


def test_the_manifest_says_what_to_prewarm() -> None:
    image = {"name": "action-nodejs-v20"}
    reactive = {"minCount": 1, "maxCount": 4, "ttl": "2 minutes", "threshold": 2, "increment": 1}
    cells = [{"initialCount": 2, "memory": "256 MB"}, {"count": 1, "memory": "512 MB", "reactive": reactive}]
    family = [{"kind": KIND, "image": image, "default": True, "stemCells": cells}]
    manifest = ExecManifest.from_json({"runtimes": {"nodejs": family}})
    first, second = prewarming_of(manifest)
    assert (first.initial_count, first.key, first.ttl) == (2, (KIND, 256), None)
    assert (second.initial_count, second.key, second.ttl) == (1, (KIND, 512), 120.0)


@pytest.mark.parametrize(
    "reactive",
    [
        {"min_count": 5},
        {"min_count": -1},
        {"ttl": 0.0},
        {"threshold": 0},
        {"increment": 0},
        {"increment": 5},
    ],
)
def test_prewarming_that_makes_no_sense_is_refused(reactive: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"prewarming of {KIND} with 256 MB"):
        stem_cells(1, **{**REACTIVE, **reactive})


def test_prewarming_needs_a_count() -> None:
    with pytest.raises(ValueError, match="initialCount 0"):
        stem_cells(0)


def test_peek_follows_memory_and_concurrency() -> None:
    settings = PoolSettings(1024)
    assert settings.max_peek(memory_min=128, concurrency_max=1) == 8
    assert settings.max_peek(memory_min=128, concurrency_max=10) == 40
    with pytest.raises(ValueError, match="concurrent-peek-factor"):
        PoolSettings(1024, concurrent_peek_factor=0.0)


# Another amount of memory.


@pytest.mark.parametrize("memory", [128, 512])
def test_a_prewarm_of_another_size_serves_where_it_can_be_resized(memory: int) -> None:
    bench = PoolBench.of(1024, stem_cells(1), resize_prewarmed=True)
    bench.prewarmed(1)
    run = run_of(action(memory=memory))
    assert bench.submit(run) == [
        SendRun(1, run, StartKind.PREWARMED),
        CreateProxy(2),
        SendStart(2, CodeExec(KIND, ""), 256, None),
    ]
    assert bench.pool.books.used == memory + 256
    bench.ended(run)
    assert bench.pool.books.idle == memory


def test_a_prewarm_grows_only_into_memory_that_is_free() -> None:
    bench = PoolBench.of(512, stem_cells(1), resize_prewarmed=True)
    bench.prewarmed(1)
    bench.submit(run_of(action("other", kind="python:3.11", memory=128)))
    bench.submit(run_of(action(memory=400)))
    assert StartKind.PREWARMED not in [each.start for each in bench.sent()]
    assert bench.removals() == []


def test_an_exact_prewarm_is_preferred_then_the_nearest_and_of_two_the_larger() -> None:
    cells = (stem_cells(1, 128), stem_cells(1, 256), stem_cells(1, 384))
    bench = PoolBench.of(4096, *cells, resize_prewarmed=True)
    for number in (1, 2, 3):
        bench.prewarmed(number)
    taken = []
    for memory in (256, 256, 512):
        bench.submit(run_of(action(memory=memory)))
        taken += [each.container for each in bench.sent()]
    assert taken == [2, 3, 1]


def test_no_prewarm_of_another_kind_or_one_that_is_not_ready_is_resized() -> None:
    bench = PoolBench.of(1024, stem_cells(1), resize_prewarmed=True)
    bench.submit(run_of(action(memory=128)))
    assert [each.start for each in bench.sent()] == [StartKind.COLD]
    bench.prewarmed(1)
    bench.submit(run_of(action(kind="python:3.11", memory=128)))
    assert [each.start for each in bench.sent()] == [StartKind.COLD]


def test_after_a_resize_that_failed_none_is_tried_for_a_while() -> None:
    bench = PoolBench.of(4096, stem_cells(1), resize_prewarmed=True)
    bench.prewarmed(1)
    run = run_of(action(memory=128))
    bench.submit(run)
    bench.prewarmed(2)
    bench.rescheduled(1)
    bench.says(1, run)
    assert [each.start for each in bench.sent()] == [StartKind.COLD]
    bench.now += bench.pool.settings.prewarm_backoff_limit
    bench.submit(run_of(action("later", memory=128)))
    assert [each.start for each in bench.sent()] == [StartKind.PREWARMED]


def test_a_cold_start_counts_as_demand_for_the_nearest_size() -> None:
    cells = (stem_cells(1, 128, **REACTIVE), stem_cells(1, 512, **REACTIVE))
    bench = PoolBench.of(4096, *cells, resize_prewarmed=True)
    for number in (1, 2):
        bench.removed(number, replace_prewarm=False)
        bench.destroyed(number)
    bench.submit_all(run_of(action(f"a{number}", memory=400)) for number in range(2))
    bench.adjust()
    assert [each.memory for each in bench.starts()] == [512, 512]


def test_memory_that_a_smaller_prewarm_sets_free_goes_to_the_run_it_was_promised_to() -> None:
    bench = PoolBench.of(512, stem_cells(1), resize_prewarmed=True)
    bench.prewarmed(1)
    bench.warm(run_of(action("idle", kind="python:3.11")))
    promised = run_of(action("promised", kind="python:3.11", memory=128))
    bench.submit(promised)
    assert bench.removals() == [2]
    small = run_of(action(memory=128))
    bench.submit(small)
    assert [(each.run, each.start) for each in bench.sent()] == [
        (small, StartKind.PREWARMED),
        (promised, StartKind.RECREATED),
    ]
