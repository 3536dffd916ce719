"""Controllers that come, leave and die; a clock that stands while the broker does."""

from owactors.core.loadbalancer.busclock import BusClock
from owactors.core.loadbalancer.membership import MemberHeard, Membership, MembersTick, SizeChanged


def test_a_controller_is_alone_until_it_hears_another_and_again_when_that_leaves() -> None:
    members = Membership("0")
    assert members.size == 1
    assert members.handle(MemberHeard("1", False, 5.0)) == [SizeChanged(2, ("0", "1"))]
    assert members.handle(MemberHeard("1", False, 6.0)) == []
    assert members.handle(MemberHeard("2", False, 6.0)) == [SizeChanged(3, ("0", "1", "2"))]
    assert members.handle(MemberHeard("1", True, 7.0)) == [SizeChanged(2, ("0", "2"))]


def test_ten_seconds_of_silence_are_a_death() -> None:
    members = Membership("0")
    members.handle(MemberHeard("1", False, 5.0))
    assert members.handle(MembersTick(14.9)) == []
    assert members.handle(MembersTick(15.0)) == [SizeChanged(1, ("0",))]
    assert members.handle(MemberHeard("1", False, 20.0)) == [SizeChanged(2, ("0", "1"))]


def test_its_own_heartbeat_counts_once() -> None:
    members = Membership("0")
    assert members.handle(MemberHeard("0", False, 1.0)) == []
    assert members.size == 1


def test_the_clock_goes_with_the_heartbeats_that_come_back() -> None:
    clock = BusClock()
    assert clock.came_back(100.0) == 0.0
    assert clock.came_back(101.0) == 1.0
    assert clock.came_back(131.0) == 3.0
    assert clock.came_back(132.0) == 4.0
    assert clock.came_back(90.0) == 4.0
