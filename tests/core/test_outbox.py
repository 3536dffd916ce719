"""What waits for the broker: how long, how much, and what is tried at a time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from owactors.core.loadbalancer.outbox import WINDOW, Outbox, OutboxSettings


def test_what_was_not_sent_waits_is_tried_again_and_is_over() -> None:
    outbox = Outbox()
    assert outbox.failed("a", 0.0)
    assert (outbox.waits("a"), outbox.idle) == (True, True)
    assert outbox.due() == ["a"]
    assert (outbox.waits("a"), outbox.idle, outbox.due()) == (False, False, [])
    assert outbox.failed("a", 1.0)
    assert outbox.due() == ["a"]
    outbox.over("a")
    assert outbox.due() == []
    assert (outbox.idle, outbox.away) == (False, False)


def test_its_time_is_counted_from_its_first_failure() -> None:
    outbox = Outbox(OutboxSettings(patience=5.0))
    assert outbox.failed("a", 100.0)
    for now in (101.0, 104.9):
        assert outbox.due() == ["a"]
        assert outbox.failed("a", now)
    assert outbox.due() == ["a"]
    assert not outbox.failed("a", 105.0)
    assert (outbox.waits("a"), outbox.idle) == (False, False)


def test_nothing_waits_where_nothing_may() -> None:
    outbox = Outbox(OutboxSettings(most=0))
    assert not outbox.failed("a", 0.0)
    assert (outbox.idle, outbox.turned()) == (False, None)


def test_it_is_full_once_and_has_room_again_when_a_part_is_gone() -> None:
    outbox = Outbox(OutboxSettings(most=20))
    turns = []
    for number in range(25):
        assert outbox.failed(str(number), 0.0), "who was accepted before waits as well"
        turns.append(outbox.turned())
    assert turns == [None] * 19 + [True] + [None] * 5
    for number in range(25):
        outbox.over(str(number))
        turns.append(outbox.turned())
    assert turns[25:] == [None] * 7 + [False] + [None] * 17


def test_one_is_tried_alone_and_with_each_that_is_sent_twice_as_many() -> None:
    outbox = Outbox()
    names = [str(number) for number in range(2 * WINDOW)]
    for name in names:
        outbox.failed(name, 0.0)
    assert outbox.away
    assert (outbox.due(), outbox.due()) == (names[:1], [])
    assert outbox.failed(names[0], 1.0)
    assert outbox.due() == names[1:2]
    outbox.sent(names[1])
    assert not outbox.away
    assert outbox.due() == names[2:4]
    outbox.sent(names[2])
    assert outbox.due() == names[4:7]
    for name in names[3:7]:
        outbox.sent(name)
    assert len(outbox.due()) == 64
    for name in names[7:14]:
        outbox.sent(name)
    assert len(outbox.due()) + 57 == WINDOW
    assert outbox.failed(names[20], 2.0)
    assert outbox.due() == []


def test_what_ended_otherwise_does_not_say_that_the_broker_is_back() -> None:
    outbox = Outbox()
    for name in "ab":
        outbox.failed(name, 0.0)
    assert outbox.due() == ["a"]
    outbox.over("a")
    assert outbox.away
    assert outbox.due() == ["b"]


@given(st.lists(st.tuples(st.sampled_from(["failed", "over", "due"]), st.sampled_from("abcd")), max_size=60))
def test_none_is_tried_twice_at_a_time_and_none_is_forgotten(steps: list[tuple[str, str]]) -> None:
    outbox, under_way, idle = Outbox(), set(), set()
    for what, name in steps:
        if what == "failed" and name not in idle:
            assert outbox.failed(name, 0.0)
            under_way.discard(name)
            idle.add(name)
        elif what == "over":
            outbox.over(name)
            under_way.discard(name)
            idle.discard(name)
        elif what == "due":
            due = set(outbox.due())
            assert due <= idle
            assert due or under_way or not idle
            under_way, idle = under_way | due, idle - due
        outbox.validate()
        assert {one for one in "abcd" if outbox.waits(one)} == idle
