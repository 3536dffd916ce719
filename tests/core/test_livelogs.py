"""Lines for who follows them: none is lost without being counted, and invokers tell whoever still wishes it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from owactors.core.livelogs.linequeue import LONGEST, LineQueue, left_out
from owactors.core.livelogs.wishes import PATIENCE, LogWishes
from owactors.message.livelogs import ControllerFollows, FollowLogs, LogWish, RemoteFollower, UnfollowLogs

STAMP = "2026-07-29T08:00:00.371204518Z"
MISSING = re.compile(r"stderr: (\d+) lines? (?:is|are) left out here")


def line(number: int) -> str:
    return f"{STAMP} stdout: {number}"


def numbers(texts: list[str]) -> list[int | str]:
    """What lines say: their numbers, and `-3` where three are missing."""
    return [f"-{found[1]}" if (found := MISSING.search(text)) else int(text.rpartition(" ")[2]) for text in texts]


def test_what_does_not_fit_is_counted_and_said_behind_what_waits() -> None:
    queue: LineQueue[str] = LineQueue(3)
    for number in range(5):
        queue.add("a", line(number))
    queue.add("b", line(9))
    assert len(queue) == 5
    assert [numbers([text]) for _, text in queue.take(2)] == [[0], [1]]
    queue.add("a", line(5))  # there is room, but its order would be wrong
    queue.add("c", line(7))
    taken = queue.take(10)
    assert [(key, *numbers([text])) for key, text in taken] == [("a", 2), ("c", 7), ("a", "-3"), ("b", "-1")]
    assert taken[2][1] == left_out(3, STAMP)
    queue.add("a", line(6))
    assert queue.take(10) == [("a", line(6))]
    assert not queue


def test_a_line_that_is_too_long_is_left_out_and_one_that_is_large_is_taken_alone() -> None:
    queue: LineQueue[str] = LineQueue()
    queue.add("a", f"{STAMP} stdout: {'x' * LONGEST}")
    assert numbers([text for _, text in queue.take(10)]) == ["-1"]
    for number in range(3):
        queue.add("a", line(number))
    assert [len(queue.take(10, characters=1)) for _ in range(3)] == [1, 1, 1]


@settings(deadline=None)
@given(st.lists(st.one_of(st.integers(0, 2), st.just("take")), max_size=60), st.integers(1, 4))
def test_whatever_happens_each_line_comes_in_its_order_or_is_counted(doings: list[int | str], most: int) -> None:
    queue: LineQueue[int] = LineQueue(most)
    added = dict.fromkeys(range(3), 0)
    came: dict[int, list[int | str]] = {key: [] for key in range(3)}

    def take(count: int) -> None:
        for key, text in queue.take(count):
            came[key] += numbers([text])

    for doing in doings:
        if isinstance(doing, int):
            queue.add(doing, line(added[doing]))
            added[doing] += 1
        else:
            take(2)
        assert len(queue) <= most + 3
    while queue:
        take(2)
    for key, found in came.items():
        told = 0
        for each in found:
            if isinstance(each, int):
                assert each == told
                told += 1
            else:
                told -= int(each)
        assert told == added[key]


def follows(life: str, beat: int, *wishes: int) -> ControllerFollows:
    return ControllerFollows(life, beat, tuple(LogWish(number, "guest", None) for number in wishes))


def asked(controller: str, life: str, number: int) -> FollowLogs:
    return FollowLogs(RemoteFollower(controller, life, number), "guest")


def left(controller: str, life: str, number: int) -> UnfollowLogs:
    return UnfollowLogs(RemoteFollower(controller, life, number))


def test_who_wishes_is_told_until_the_wish_is_gone() -> None:
    wishes = LogWishes()
    assert wishes.handle({}, 0.0) == []
    assert wishes.handle({"0": follows("x", 1, 1), "1": follows("y", 1, 1)}, 1.0) == [
        asked("0", "x", 1),
        asked("1", "y", 1),
    ]
    assert wishes.handle({"0": follows("x", 2, 1, 2), "1": follows("y", 1, 1)}, 2.0) == [asked("0", "x", 2)]
    assert wishes.handle({"0": follows("x", 3, 2)}, 3.0) == [left("0", "x", 1), left("1", "y", 1)]
    assert wishes.handle({}, 4.0) == [left("0", "x", 2)]
    assert wishes.handle({}, 5.0) == []


def test_a_controller_that_counts_no_further_is_gone() -> None:
    wishes = LogWishes()
    dead = {"0": follows("x", 1, 1)}
    assert wishes.handle(dead, 0.0) == [asked("0", "x", 1)]
    assert wishes.handle(dead, PATIENCE - 1) == []
    assert wishes.handle(dead, PATIENCE + 1) == [left("0", "x", 1)]
    assert wishes.handle(dead, 10 * PATIENCE) == []
    assert wishes.handle({"0": follows("x", 2, 1)}, 10 * PATIENCE + 1) == [asked("0", "x", 1)]


def test_a_new_life_is_another_follower() -> None:
    """The same number may be another client of another namespace then."""
    wishes = LogWishes()
    wishes.handle({"0": follows("x", 5, 1)}, 0.0)
    assert wishes.handle({"0": follows("y", 1, 1)}, 1.0) == [left("0", "x", 1), asked("0", "y", 1)]


class Wishing(RuleBasedStateMachine):
    """Controllers that come, wish, die and come back; looks at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.machine, self.now = LogWishes(), 0.0
        self.document: dict[str, ControllerFollows] = {}
        #: when each was last written
        self.written: dict[str, float] = {}
        self.told: set[RemoteFollower] = set()
        self.lives = 0

    @rule(controller=st.sampled_from("01"), wishes=st.sets(st.integers(0, 3)), anew=st.booleans())
    def says(self, controller: str, wishes: set[int], anew: bool) -> None:
        before = self.document.get(controller)
        self.lives += 1
        life = before.life if before is not None and not anew else str(self.lives)
        self.document[controller] = follows(life, (before.beat if before else 0) + 1, *sorted(wishes))
        self.look()
        self.written[controller] = self.now

    @rule(controller=st.sampled_from("01"))
    def leaves(self, controller: str) -> None:
        self.document.pop(controller, None)
        self.look()

    @rule(seconds=st.sampled_from([1.0, PATIENCE / 2, PATIENCE]))
    def passes(self, seconds: float) -> None:
        self.now += seconds
        self.look()

    def look(self) -> None:
        for order in self.machine.handle(self.document, self.now):
            assert isinstance(order.follower, RemoteFollower)
            assert (order.follower in self.told) is isinstance(order, UnfollowLogs)
            self.told ^= {order.follower}

    @invariant()
    def exactly_the_living_are_told(self) -> None:
        self.machine.validate()
        assert self.told == {
            RemoteFollower(name, each.life, wish.number)
            for name, each in self.document.items()
            for wish in each.wishes
            if self.now - self.written.get(name, self.now) < PATIENCE
        }


TestWishing = pytest.mark.filterwarnings("default")(Wishing.TestCase)
TestWishing.settings = settings(deadline=None, max_examples=40, stateful_step_count=25)
