"""Throttles: calendar minutes, shares of several controllers, limits of the namespace."""

from __future__ import annotations

import pytest
from attrs import evolve

from owactors.core.controller.rejection import Rejection
from owactors.core.controller.throttle import RateThrottle, Throttles, rate_share
from owactors.entity.identity import Identity, Namespace
from owactors.entity.limits import UserLimits

USER = Identity("alice", Namespace("alice", "uuid-a"))
OTHER = Identity("bobby", Namespace("bobby", "uuid-b"))
MINUTE = 60_000


@pytest.mark.scenario("E01")
def test_the_minute_is_that_of_the_calendar_and_refused_requests_count() -> None:
    throttle = RateThrottle()
    now = 100 * MINUTE + 59_999
    for _ in range(3):
        throttle.charge("u", 3, now)
    with pytest.raises(Rejection, match=r"count: 4, allowed: 3"):
        throttle.charge("u", 3, now)
    with pytest.raises(Rejection, match=r"count: 5, allowed: 3"):
        throttle.charge("u", 3, now)
    throttle.charge("v", 3, now)
    throttle.charge("u", 3, now + 1)
    with pytest.raises(Rejection):
        throttle.charge("w", 0, now)


@pytest.mark.scenario("E02")
@pytest.mark.scenario("E03")
@pytest.mark.parametrize(
    ("limit", "controllers", "share"), [(60, 1, 60), (60, 2, 36), (30, 3, 12), (1, 3, 1), (0, 3, 0)]
)
def test_shares(limit: int, controllers: int, share: int) -> None:
    assert rate_share(limit, controllers) == share


def test_the_three_throttles_and_limits_of_the_namespace() -> None:
    throttles = Throttles(2, 30, 1, cluster_size=1)
    throttles.charge_fire(USER, 0)
    with pytest.raises(Rejection):
        throttles.charge_fire(USER, 0)
    throttles.charge_invocation(USER, 0)
    throttles.charge_invocation(USER, 0)
    with pytest.raises(Rejection):
        throttles.charge_invocation(USER, 0)
    more = evolve(USER, limits=UserLimits(invocations_per_minute=10, concurrent_invocations=1))
    throttles.charge_invocation(more, 0)
    throttles.check_in_flight(USER, 29)
    with pytest.raises(Rejection, match=r"count: 1, allowed: 1"):
        throttles.check_in_flight(more, 1)
    throttles.charge_invocation(OTHER, 0)


def test_concurrency_is_divided_only_among_balancers_that_do_not_share_what_they_know() -> None:
    Throttles(1, 30, 1, divide_concurrency=False, cluster_size=3).check_in_flight(USER, 29)
    with pytest.raises(Rejection, match=r"count: 12, allowed: 12"):
        Throttles(1, 30, 1, divide_concurrency=True, cluster_size=3).check_in_flight(USER, 12)
