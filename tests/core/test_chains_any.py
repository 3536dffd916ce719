"""Any sequences and conductors that call each other end, in one record each, within their limits."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from owactors.entity.activation import WhiskActivation
from tests.core.chains import Broken, Overdue, World, conductor, sequence

NAMES = ["plain", "fails", "late", "broken", "gone", "s0", "s1", "s2", "c0", "c1"]
COMPONENTS = st.lists(st.sampled_from(NAMES), min_size=1, max_size=4)
CHOICES = st.lists(
    st.sampled_from([*NAMES, "", 42, None]).map(lambda name: {"action": name, "params": {}})
    | st.sampled_from([{}, {"params": 5}, {"error": "x"}, [1], {"state": 3, "action": "plain"}]),
    min_size=1,
    max_size=5,
)


def late(payload: Any) -> Any:
    raise Overdue


def broken(payload: Any) -> Any:
    raise Broken


def scripted(choices: list[Any]) -> Any:
    """A conductor that answers its choices over and over."""
    turn = 0

    def body(payload: Any) -> Any:
        nonlocal turn
        turn += 1
        return choices[turn % len(choices)]

    return body


def world_of(sequences: list[list[str]], conductors: list[list[Any]]) -> World:
    world = World(limit=3)
    world.simple("plain", lambda p: {"n": 1})
    world.simple("fails", lambda p: {"error": "bad"})
    world.simple("late", late)
    world.simple("broken", broken)
    for number, components in enumerate(sequences):
        world.add(sequence(f"s{number}", *(f"/guest/{name}" for name in components)))
    for number, choices in enumerate(conductors):
        world.add(conductor(f"c{number}"), scripted(choices))
    return world


@settings(max_examples=60, deadline=None)
@given(
    st.lists(COMPONENTS, min_size=3, max_size=3),
    st.lists(CHOICES, min_size=2, max_size=2),
    st.sampled_from(["s0", "c0"]),
)
def test_every_run_ends_in_one_record(sequences: list[list[str]], conductors: list[list[Any]], top: str) -> None:
    world = world_of(sequences, conductors)
    record = world.run(world.actions[f"guest/{top}"], {"start": 1})
    assert record.cause is None
    assert record.annotations.get("topmost") is True
    assert len(world.seen) <= 31
    for each in world.records.values():
        check_parts(world, each)


def check_parts(world: World, record: WhiskActivation) -> None:
    """A record's parts are caused by it, and their durations add up to its own."""
    if record.annotations.get("kind") != "sequence":
        return
    parts = [world.records[each] for each in record.logs if each in world.records]
    assert all(part.cause == record.activation_id for part in parts)
    assert record.duration == sum(part.duration or 0 for part in parts)
    assert len(set(record.logs)) == len(record.logs)
