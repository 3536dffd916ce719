"""Who is up: pings, silence, results."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from owactors.core.loadbalancer.supervision import (
    InvocationFinished,
    InvocationResult,
    InvokerState,
    InvokerSupervision,
    Pinged,
    ReportSilence,
    ReportState,
    SendTestAction,
    Tick,
)
from owactors.entity.instance import InvokerInstanceId
from owactors.entity.size import ByteSize

SUCCESS, ERROR, TIMEOUT = InvocationResult.SUCCESS, InvocationResult.SYSTEM_ERROR, InvocationResult.TIMEOUT
UP, UNHEALTHY = InvokerState.HEALTHY, InvokerState.UNHEALTHY
UNRESPONSIVE, DOWN = InvokerState.UNRESPONSIVE, InvokerState.OFFLINE


def invoker(number: int = 0, name: str = "one") -> InvokerInstanceId:
    return InvokerInstanceId(number, ByteSize.mb(1024), name)


def pinged(pool: InvokerSupervision, now: float = 0.0, enabled: bool = True, **which: Any) -> list[Any]:
    return pool.handle(Pinged(invoker(**which), enabled, now))


def results(pool: InvokerSupervision, *found: InvocationResult, now: float = 0.0) -> list[Any]:
    return [each for result in found for each in pool.handle(InvocationFinished(0, result, now))]


def state(pool: InvokerSupervision) -> InvokerState:
    return pool.states[0][1]


def up() -> InvokerSupervision:
    """A pool with one invoker that is up."""
    pool = InvokerSupervision()
    pinged(pool)
    results(pool, SUCCESS)
    assert state(pool) is UP
    return pool


@pytest.mark.scenario("L14")
def test_the_first_ping_of_invoker_two_makes_a_list_of_three() -> None:
    pool = InvokerSupervision()
    assert pinged(pool, number=2) == [
        ReportState(invoker(2), DOWN, UNHEALTHY),
        SendTestAction(invoker(2)),
    ]
    assert [(each.instance, found) for each, found in pool.states] == [(0, DOWN), (1, DOWN), (2, UNHEALTHY)]


@pytest.mark.scenario("L15")
@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([SUCCESS], UP),
        ([ERROR, ERROR, ERROR, SUCCESS], UP),
        ([SUCCESS] + [ERROR] * 4, UNHEALTHY),
        ([SUCCESS] + [TIMEOUT] * 4, UNRESPONSIVE),
        ([ERROR] * 4 + [SUCCESS], UNHEALTHY),
        ([ERROR] * 4 + [SUCCESS] * 9, UP),
        ([SUCCESS] * 4 + [TIMEOUT, ERROR] * 3, UP),
        ([TIMEOUT], UNRESPONSIVE),
        ([TIMEOUT, ERROR], UNHEALTHY),
    ],
)
def test_the_last_ten_results_decide(found: list[InvocationResult], expected: InvokerState) -> None:
    pool = InvokerSupervision()
    pinged(pool)
    results(pool, *found)
    assert state(pool) is expected
    assert state(pool).usable is (expected is UP)


def test_a_success_that_does_not_suffice_is_followed_by_another_test() -> None:
    pool = InvokerSupervision()
    pinged(pool)
    results(pool, ERROR, ERROR, ERROR, ERROR)
    assert results(pool, SUCCESS) == [SendTestAction(invoker())]


@pytest.mark.scenario("L16")
def test_ten_seconds_of_silence_and_disabled_pings_mean_down() -> None:
    pool = up()
    assert pool.handle(Tick(9.9)) == []
    assert pool.handle(Tick(10.0)) == [ReportState(invoker(), UP, DOWN)]
    assert pool.handle(Tick(99.0)) == []
    assert pinged(pool, 100.0)[0] == ReportState(invoker(), DOWN, UNHEALTHY)
    assert pinged(pool, 101.0, enabled=False) == [ReportState(invoker(), UNHEALTHY, DOWN)]
    assert results(pool, SUCCESS, now=102.0) == []
    assert state(pool) is DOWN


def test_one_that_wants_no_work_is_missed_only_if_it_went_on_saying_so() -> None:
    once, goes_on = up(), up()
    for pool, times in ((once, (1.0,)), (goes_on, (1.0, 2.0, 3.0))):
        for now in times:
            pinged(pool, now, enabled=False)
    assert [once.handle(Tick(now)) for now in (12.0, 60.0)] == [[], []]
    assert goes_on.handle(Tick(12.9)) == []
    assert goes_on.handle(Tick(13.0)) == [ReportSilence(invoker())]
    assert goes_on.handle(Tick(30.0)) == []
    assert pinged(goes_on, 31.0)[0] == ReportState(invoker(), DOWN, UNHEALTHY)
    assert [each for each in goes_on.handle(Tick(41.0)) if isinstance(each, ReportSilence)] == []


def test_pings_and_results_keep_an_invoker_up() -> None:
    pool = up()
    pinged(pool, 8.0)
    assert pool.handle(Tick(17.0)) == []
    results(pool, SUCCESS, now=17.5)
    assert pool.handle(Tick(27.0)) == []
    assert state(pool) is UP


@pytest.mark.scenario("L17")
def test_a_restarted_invoker_keeps_its_state_under_its_new_name() -> None:
    pool = up()
    assert pinged(pool, name="two") == [ReportState(invoker(name="two"), UP, UP)]
    assert pinged(pool, name="two") == []
    assert pool.states == [(invoker(name="two"), UP)]


@pytest.mark.parametrize("result", [ERROR, TIMEOUT])
def test_an_invoker_that_is_not_trusted_is_tested_every_minute(result: InvocationResult) -> None:
    pool = InvokerSupervision()
    pinged(pool)
    results(pool, result)
    tests = []
    for second in range(1, 181):
        pinged(pool, float(second))
        tests += [second for each in pool.handle(Tick(float(second))) if isinstance(each, SendTestAction)]
    assert tests == [10, 60, 120, 180]  # the one after 10 s because it had come back


def test_results_of_unknown_invokers_are_ignored() -> None:
    assert results(InvokerSupervision(), ERROR) == []


@given(st.lists(st.one_of(st.sampled_from(list(InvocationResult)), st.booleans(), st.sampled_from([0.5, 11.0]))))
def test_every_change_is_reported_and_only_changes(steps: list[Any]) -> None:
    pool, now = InvokerSupervision(), 0.0
    pinged(pool)
    shown = state(pool)
    for step in steps:
        if isinstance(step, InvocationResult):
            out = results(pool, step, now=now)
        elif isinstance(step, bool):
            out = pinged(pool, now, enabled=step)
        else:
            now += step
            out = pool.handle(Tick(now))
        for each in out:
            if isinstance(each, ReportState):
                assert each.before is shown
                assert each.state is not shown
                shown = each.state
        assert state(pool) is shown
