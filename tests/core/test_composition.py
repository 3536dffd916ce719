"""Compositions: the conductor's protocol, limits, failures, records."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from owactors.core.controller.componentname import component_name
from owactors.core.controller.composition import Composition
from owactors.core.controller.enclosingrecord import EnclosingActivation
from owactors.core.controller.innercalls import CallConductor, CallFailed, Start, UnexpectedEvent
from owactors.entity.activation import ActivationResponse
from tests.core.chains import USER, Broken, Overdue, World, action, conductor, sequence

TOO_LONG = "Too many actions in the composition."


@pytest.fixture
def world() -> World:
    made = World()
    made.simple("step", lambda p: {"n": (p or {}).get("n", 0) + 1})
    return made


def scripted(world: World, *results: Any, name: str = "c") -> Any:
    """A conductor that answers these results one after the other."""
    answers: Iterator[Any] = iter(results)
    return world.add(conductor(name), lambda p: next(answers))


def inputs(world: World, name: str = "c") -> list[Any]:
    return [payload for called, payload in world.seen if called == name]


@pytest.mark.scenario("C01")
def test_params_are_the_result(world: World) -> None:
    record = world.run(scripted(world, {"params": {"x": 1}}))
    assert record.response == ActivationResponse.success({"x": 1})
    assert record.annotations.values == {
        "topmost": True,
        "path": "guest/c",
        "kind": "sequence",
        "waitTime": 7,
        "conductor": True,
        "limits": {"timeout": 60000, "memory": 256, "logs": 10, "concurrency": 1},
    }
    assert len(record.logs) == 1
    assert record.duration == 5


@pytest.mark.scenario("C02")
@pytest.mark.parametrize(
    ("result", "expected"),
    [({"params": 3}, {"value": 3}), ({"x": 1}, {"x": 1}), ({"params": [1]}, {"value": [1]}), ({}, {})],
)
def test_results_without_or_with_odd_params(world: World, result: Any, expected: Any) -> None:
    assert world.run(scripted(world, result)).response.result == expected


@pytest.mark.scenario("C03")
def test_a_step_and_the_state(world: World) -> None:
    first = {"action": "step", "params": {"n": 1}, "state": {"k": 2}}
    record = world.run(scripted(world, first, {"params": {"done": True}}), {"start": 1})
    assert world.seen == [("c", {"start": 1}), ("step", {"n": 1}), ("c", {"n": 2, "k": 2})]
    assert record.response.result == {"done": True}
    assert [world.records[i].name for i in record.logs] == ["c", "step", "c"]
    assert {world.records[i].cause for i in record.logs} == {record.activation_id}
    assert record.duration == 15


def test_state_wins_over_the_result_and_is_forgotten_when_not_renewed(world: World) -> None:
    step = {"action": "step", "params": {"n": 1}}
    world.run(scripted(world, {**step, "state": {"n": "kept"}}, step, {}))
    assert inputs(world) == [None, {"n": "kept"}, {"n": 2}]


def test_odd_state_is_boxed(world: World) -> None:
    world.run(scripted(world, {"action": "step", "state": 5}, {}))
    assert inputs(world)[1] == {"n": 1, "state": 5}


@pytest.mark.scenario("C04")
@pytest.mark.parametrize(
    ("name", "shown"), [(42, "42"), ("", '""'), ("/x", '"/x"'), ("a/b/c/d", '"a/b/c/d"'), ({}, "{}"), (None, "null")]
)
def test_bad_names(world: World, name: Any, shown: str) -> None:
    world.run(scripted(world, {"action": name}, {}))
    text = f"Failed to parse action name from json value {shown} during composition."
    assert inputs(world)[1] == {"error": text}


@pytest.mark.scenario("C05")
def test_unknown_and_forbidden_names(world: World) -> None:
    world.forbidden.add("other/secret")
    world.run(scripted(world, {"action": "none"}, {"action": "/other/secret"}, {}))
    assert inputs(world)[1:] == [
        {"error": "Failed to resolve action with name 'guest/none' during composition."},
        {"error": "Failed entitlement check for action with name 'other/secret' during composition."},
    ]


@pytest.mark.scenario("C06")
def test_the_failure_of_a_step_is_data(world: World) -> None:
    world.simple("fail", lambda p: {"error": "bad"})
    record = world.run(scripted(world, {"action": "fail"}, {"params": {"recovered": True}}))
    assert inputs(world)[1] == {"error": "bad"}
    assert record.response == ActivationResponse.success({"recovered": True})


@pytest.mark.scenario("C07")
def test_the_conductors_own_error_ends_it(world: World) -> None:
    record = world.run(scripted(world, {"error": "x"}))
    assert record.response == ActivationResponse(1, {"error": "x"})


@pytest.mark.scenario("C08")
def test_too_many_steps(world: World) -> None:
    world.add(conductor(), lambda p: {"action": "step"})
    record = world.run(world.actions["guest/c"])
    assert world.called().count("step") == 50
    assert world.called().count("c") == 101
    assert inputs(world)[51] == {"error": TOO_LONG}
    assert record.response == ActivationResponse.application_error(TOO_LONG)
    assert len(record.logs) == 151


@pytest.mark.scenario("C09")
def test_nested_compositions_share_their_limits(world: World) -> None:
    world.add(conductor("inner"), lambda p: {"params": p} if "n" in (p or {}) else {"action": "step"})
    outer = world.run(scripted(world, {"action": "inner"}, {"params": {"end": 1}}))
    inner = world.records[outer.logs[1]]
    assert inner.cause == outer.activation_id
    assert inner.annotations.get("topmost") is False
    assert inner.annotations.get("causedBy") == "sequence"
    assert inner.annotations.get("conductor") is True
    assert [world.records[i].name for i in outer.logs] == ["c", "inner", "c"]


@pytest.mark.scenario("C09")
def test_what_the_inner_one_uses_the_outer_one_has_used(world: World) -> None:
    world.limit = 2
    answers = iter([{"action": "step"}, {"action": "step"}, {}])
    world.add(conductor("inner"), lambda p: next(answers))
    outer = world.run(scripted(world, {"action": "inner"}, {"action": "step"}))
    assert world.called() == ["c", "inner", "step", "inner", "step", "inner", "c"]
    assert outer.response == ActivationResponse.application_error(TOO_LONG)


def test_a_sequence_is_one_component(world: World) -> None:
    world.add(sequence("s", "/guest/step", "/guest/step"))
    record = world.run(scripted(world, {"action": "/_/s", "params": {"n": 1}}, {}))
    assert inputs(world)[1] == {"n": 3}
    inner = world.records[record.logs[1]]
    assert (inner.name, inner.cause) == ("s", record.activation_id)
    assert inner.annotations.get("topmost") is False


def test_memory_is_the_largest_of_all(world: World) -> None:
    world.simple("large", lambda p: {}, memory=512)
    record = world.run(scripted(world, {"action": "large"}, {}))
    assert record.annotations.get("limits")["memory"] == 512


@pytest.mark.scenario("C11")
def test_binding(world: World) -> None:
    record = world.run(scripted(world, {}), binding="guest/bound")
    assert record.annotations.get("binding") == "guest/bound"


@pytest.mark.scenario("C12")
@pytest.mark.parametrize(
    ("value", "expected"),
    [(0, False), (False, False), ("", False), (None, False), (1, True), (True, True), ("x", True), ({}, True)],
)
def test_what_makes_a_conductor(value: Any, expected: bool) -> None:
    assert action("a", conductor=value).is_conductor is expected


@pytest.mark.scenario("C13")
def test_a_result_that_does_not_come(world: World) -> None:
    def never(payload: Any) -> Any:
        raise Overdue

    world.simple("never", never)
    record = world.run(scripted(world, {"action": "never"}))
    assert record.response == ActivationResponse.whisk_error(
        f"Timeout reached when retrieving activation {record.logs[-1]} during composition."
    )


def test_a_call_that_fails(world: World) -> None:
    def broken(payload: Any) -> Any:
        raise Broken

    world.simple("broken", broken)
    record = world.run(scripted(world, {"action": "broken"}))
    assert record.response == ActivationResponse.whisk_error("Activation failure during composition.")
    assert len(record.logs) == 1


def test_a_store_that_is_away_looks_like_a_missing_action(world: World) -> None:
    world.unknowable.add("guest/step")
    world.run(scripted(world, {"action": "step"}, {}))
    assert "Failed to resolve" in inputs(world)[1]["error"]


def test_an_array_from_a_step_is_boxed(world: World) -> None:
    world.simple("array", lambda p: [1, 2])
    world.run(scripted(world, {"action": "array", "state": {"k": 1}}, {}))
    assert inputs(world)[1] == {"value": [1, 2], "k": 1}


def test_an_array_from_the_conductor_is_the_result(world: World) -> None:
    assert world.run(scripted(world, [1, 2])).response == ActivationResponse.success([1, 2])


def test_the_wait_is_the_time_limit_and_a_minute() -> None:
    machine = Composition(EnclosingActivation("e" * 32, conductor(), USER, 0), 50, {"a": 1})
    assert machine.handle(Start(0)) == [CallConductor({"a": 1}, 120_000)]


def test_what_does_not_fit_is_reported() -> None:
    machine = Composition(EnclosingActivation("e" * 32, conductor(), USER, 0), 50)
    with pytest.raises(UnexpectedEvent, match="CallFailed in state new"):
        machine.handle(CallFailed(0, "x"))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a", "guest/a"),
        ("p/a", "guest/p/a"),
        ("ns/p/a", "ns/p/a"),
        ("/ns/a", "ns/a"),
        ("/ns/p/a", "ns/p/a"),
        ("/_/a", "guest/a"),
        ("_/p/a", "guest/p/a"),
        ("/a", None),
        ("/a/b/c/d", None),
        ("a/b/c/d", None),
        ("", None),
        ("/", None),
        ("a$b", None),
        (["a"], None),
    ],
)
def test_component_names(value: Any, expected: str | None) -> None:
    name = component_name(value, "guest")
    assert (name.doc_id if name else None) == expected
