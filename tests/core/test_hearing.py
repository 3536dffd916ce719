"""Which documents a controller doubts, and when it is sure of what it keeps: two of them by events, and at random."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from owactors.core.controller.hearing import (
    BEATS,
    HEARING_SECONDS,
    LATEST,
    CameBack,
    ChangesMade,
    Doubt,
    Hearing,
    HearingDefect,
    HearingInstruction,
    OtherHeard,
    OthersKnown,
    Sure,
    TimePassed,
)
from owactors.message.member import ChangesSaid

ALONE = frozenset({"0"})
BOTH = frozenset({"0", "1"})


class Told:
    """Controller 0, which hears itself at once; `now` goes on by hand."""

    def __init__(self, known: frozenset[str] | None = ALONE) -> None:
        self.hearing, self.now = Hearing("0"), 100.0
        self.first = [] if known is None else [*self.came_back(), *self.known(known)]

    def _take(self, event: Any) -> list[HearingInstruction]:
        instructions = self.hearing.handle(event)
        self.hearing.validate()
        return instructions

    def came_back(self) -> list[HearingInstruction]:
        return self._take(CameBack(self.now))

    def known(self, controllers: frozenset[str]) -> list[HearingInstruction]:
        return self._take(OthersKnown(controllers, self.now))

    def heard(self, said: ChangesSaid, leaving: bool = False, controller: str = "1") -> list[HearingInstruction]:
        return self._take(OtherHeard(controller, said, leaving, self.now))

    def passes(self, seconds: float) -> list[HearingInstruction]:
        """Its own heartbeats come back meanwhile."""
        self.now += seconds
        return [*self.came_back(), *self._take(TimePassed(self.now))]


def test_alone_it_is_sure_once_it_hears_itself_and_knows_that_it_is_alone() -> None:
    told = Told(known=None)
    assert told.came_back() == []
    assert told.known(ALONE) == [Sure(True)]
    other = Told(known=None)
    assert other.known(ALONE) == []
    assert other.came_back() == [Sure(True)]


def test_whoever_is_known_from_the_store_must_be_heard_first() -> None:
    told = Told(BOTH)
    assert told.first == []
    assert told.heard(ChangesSaid("a", 7)) == [Doubt(), Sure(True)]


def test_one_that_came_later_and_was_never_heard_makes_it_unsure() -> None:
    told = Told()
    assert told.known(BOTH) == [Sure(False)]
    assert told.heard(ChangesSaid("a")) == [Doubt(), Sure(True)]


def test_what_it_changed_before_it_was_heard_is_doubted_all() -> None:
    told = Told()
    assert told.heard(ChangesSaid("a", 7, ("ns/x",))) == [Doubt()]
    assert told.heard(ChangesSaid("a", 7, ("ns/x",))) == []


def test_what_was_missed_is_doubted_by_its_name_once() -> None:
    told = Told()
    told.heard(ChangesSaid("a", 1, ("ns/x",)))
    assert told.heard(ChangesSaid("a", 4, ("ns/x", "ns/y", "ns/z", "ns/y"))) == [Doubt(("ns/y", "ns/z"))]
    assert told.heard(ChangesSaid("a", 4, ("ns/x", "ns/y", "ns/z", "ns/y"))) == []


def test_what_is_not_named_any_more_is_all() -> None:
    told = Told()
    told.heard(ChangesSaid("a", 1))
    assert told.heard(ChangesSaid("a", 4, ("ns/y", "ns/z"))) == [Doubt()]


def test_another_life_may_have_changed_anything_before_its_end() -> None:
    told = Told()
    told.heard(ChangesSaid("a", 5))
    assert told.heard(ChangesSaid("b", 0)) == [Doubt()]


def test_a_late_heartbeat_says_nothing() -> None:
    told = Told()
    told.heard(ChangesSaid("a", 5))
    told.passes(HEARING_SECONDS - 0.5)
    assert told.heard(ChangesSaid("a", 4)) == []
    assert told.passes(0.5) == [Sure(False)]


def test_silence_makes_it_unsure_until_the_other_one_is_heard_again() -> None:
    told = Told()
    told.heard(ChangesSaid("a", 5))
    assert told.passes(HEARING_SECONDS - 0.1) == []
    assert told.passes(0.1) == [Sure(False)]
    assert told.passes(3600) == []
    assert told.heard(ChangesSaid("a", 6, ("ns/x",))) == [Doubt(("ns/x",)), Sure(True)]


def test_its_own_heartbeats_must_come_back() -> None:
    told = Told()
    told.now += HEARING_SECONDS
    assert told._take(TimePassed(told.now)) == [Sure(False)]
    assert told.came_back() == [Sure(True)]


def test_one_that_left_is_not_missed_and_its_last_changes_count() -> None:
    told = Told()
    told.heard(ChangesSaid("a", 5))
    assert told.heard(ChangesSaid("a", 6, ("ns/x",)), leaving=True) == [Doubt(("ns/x",))]
    assert told.heard(ChangesSaid("a", 6, ("ns/x",))) == []
    assert told.passes(3600) == []
    assert told.known(BOTH) == []
    assert told.heard(ChangesSaid("a", 7, ("ns/y",)), leaving=True) == [Doubt(("ns/y",))]
    assert told.heard(ChangesSaid("b", 0)) == [Doubt()]
    assert told.passes(HEARING_SECONDS) == [Sure(False)]


def test_a_machine_that_is_sure_of_somebody_silent_is_a_defect() -> None:
    told = Told()
    told.heard(ChangesSaid("a"))
    with pytest.raises(HearingDefect, match="'1'"):
        evolve(told.hearing, now=told.now + HEARING_SECONDS).validate()


def test_changes_are_named_for_some_heartbeats() -> None:
    made = ChangesMade("life")
    made.made("ns/x")
    said = [made.say() for _ in range(BEATS)]
    assert said == [ChangesSaid("life", 1, ("ns/x",))] * (BEATS - 1) + [ChangesSaid("life", 1)]
    for number in range(LATEST + 5):
        made.made(f"ns/{number}")
    last = made.say()
    assert (last.number, len(last.latest), last.latest[-1]) == (LATEST + 6, LATEST, f"ns/{LATEST + 4}")


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.sampled_from("xyz")),
        st.tuples(st.just("read"), st.sampled_from("xyz")),
        st.tuples(st.sampled_from(["beat", "lost beat", "own", "passes", "dies"]), st.just("")),
    ),
    max_size=60,
)


@given(STEPS)
def test_whatever_gets_lost_what_is_used_is_never_older_than_the_last_heartbeat(steps: list[tuple[str, str]]) -> None:
    """Every message that names a change is lost; heartbeats, some. What is kept is what was there at the last one."""
    told, lives = Told(BOTH), 0
    made = ChangesMade("0")
    stored = dict.fromkeys("xyz", 0)
    kept: dict[str, int] = {}
    at_beat = dict(stored)

    def follow(instructions: list[HearingInstruction]) -> None:
        for each in instructions:
            if isinstance(each, Doubt):
                for doc_id in list(kept) if each.doc_ids is None else each.doc_ids:
                    kept.pop(doc_id, None)

    for step, doc_id in steps:
        if step == "write":
            stored[doc_id] += 1
            made.made(doc_id)
        elif step == "read":
            kept[doc_id] = stored[doc_id]
        elif step == "dies":
            lives += 1
            made = ChangesMade(str(lives))
        elif step == "passes":
            follow(told.passes(1.0))
        elif step == "own":
            follow(told.came_back())
        else:
            said = made.say()
            if step == "beat":
                at_beat = dict(stored)
                follow(told.heard(said))
        if told.hearing.sure:
            assert all(value >= at_beat[name] for name, value in kept.items())
