"""Sequences: order, results, failures, limits, records."""

from __future__ import annotations

from typing import Any

import pytest

from owactors.core.controller.enclosingrecord import EnclosingActivation
from owactors.core.controller.innercalls import (
    CallComponent,
    CallFailed,
    CallFinished,
    ComponentKind,
    ComponentMissing,
    ComponentResolved,
    Finish,
    ResolveComponent,
    Start,
    UnexpectedEvent,
    Used,
)
from owactors.core.controller.sequence import Sequence
from owactors.entity.activation import ActivationResponse
from tests.core.chains import USER, Broken, Overdue, World, action, conductor, sequence


@pytest.fixture
def world() -> World:
    made = World()
    made.simple("inc", lambda p: {"v": (p or {}).get("v", 0) + 1})
    made.simple("fail", lambda p: {"error": "bad"}, memory=512)
    return made


def annotation(record: Any, key: str) -> Any:
    return record.annotations.get(key)


@pytest.mark.scenario("S07")
def test_the_last_result_is_the_result(world: World) -> None:
    record = world.run(sequence("s", "/guest/inc", "/_/inc"), {"v": 5})
    assert record.response == ActivationResponse.success({"v": 7})
    assert [world.records[i].name for i in record.logs] == ["inc", "inc"]
    assert record.duration == 10
    assert record.cause is None
    assert record.annotations.values == {
        "topmost": True,
        "path": "guest/s",
        "kind": "sequence",
        "waitTime": 7,
        "limits": {"timeout": 60000, "memory": 256, "logs": 10, "concurrency": 1},
    }
    assert (record.namespace, record.subject, record.start, record.end) == ("guest", "guest-subject", 1000, 1020)


@pytest.mark.scenario("S08")
def test_nested_sequences_name_their_causes(world: World) -> None:
    world.add(sequence("x", "/guest/inc"))
    outer = world.run(sequence("s", "/guest/x", "/guest/inc"))
    inner = world.records[outer.logs[0]]
    assert inner.name == "x"
    assert inner.cause == outer.activation_id
    assert annotation(inner, "causedBy") == "sequence"
    assert annotation(inner, "topmost") is False
    assert world.records[inner.logs[0]].cause == inner.activation_id
    assert outer.response.result == {"v": 2}


@pytest.mark.scenario("S09")
def test_an_error_ends_it(world: World) -> None:
    record = world.run(sequence("s", "/guest/inc", "/guest/fail", "/guest/inc"))
    assert world.called() == ["inc", "fail"]
    assert record.response == ActivationResponse(1, {"error": "bad"})
    assert len(record.logs) == 2


@pytest.mark.scenario("S10")
def test_an_error_in_the_first_payload_does_not(world: World) -> None:
    world.simple("echo", lambda p: {"got": p})
    record = world.run(sequence("s", "/guest/echo"), {"error": "x"})
    assert record.response.result == {"got": {"error": "x"}}


@pytest.mark.scenario("S11")
def test_a_component_that_is_gone(world: World) -> None:
    record = world.run(sequence("s", "/guest/inc", "/guest/gone", "/guest/inc"))
    assert record.response == ActivationResponse.application_error("Sequence component does not exist.")
    assert len(record.logs) == 1
    assert annotation(record, "limits")


def test_no_component_ran_no_limits(world: World) -> None:
    record = world.run(sequence("s", "/guest/gone"))
    assert annotation(record, "limits") is None
    assert record.duration == 0


@pytest.mark.scenario("S12")
def test_too_many_in_the_end(world: World) -> None:
    world.limit = 5
    world.add(sequence("many", *["/guest/inc"] * 4))
    record = world.run(sequence("s", "/guest/many", "/guest/many"))
    assert record.response == ActivationResponse.application_error("Too many actions in the sequence.")
    assert len(world.seen) == 5
    assert len(record.logs) == 2


@pytest.mark.scenario("S12")
def test_exactly_as_many_as_allowed(world: World) -> None:
    world.limit = 4
    world.add(sequence("many", "/guest/inc", "/guest/inc"))
    record = world.run(sequence("s", "/guest/many", "/guest/many"))
    assert record.response.result == {"v": 4}


@pytest.mark.scenario("S13")
def test_a_failed_component_is_the_answer(world: World) -> None:
    failure = ActivationResponse.developer_error("The action exceeded its time limits of 60000 milliseconds.")
    world.simple("slow", lambda p: failure)
    record = world.run(sequence("s", "/guest/slow", "/guest/inc"))
    assert record.response == failure


@pytest.mark.scenario("S17")
def test_arrays_pass(world: World) -> None:
    world.simple("array", lambda p: [1, 2])
    world.simple("echo", lambda p: {"got": p})
    record = world.run(sequence("s", "/guest/array", "/guest/echo"))
    assert record.response.result == {"got": [1, 2]}


@pytest.mark.parametrize("result", ["text", 5, None])
def test_other_results_are_no_input(world: World, result: Any) -> None:
    world.simple("odd", lambda p: result)
    world.simple("echo", lambda p: {"got": p})
    assert world.run(sequence("s", "/guest/odd", "/guest/echo")).response.result == {"got": None}


@pytest.mark.scenario("S18")
def test_accounting(world: World) -> None:
    world.simple("small", lambda p: {}, memory=128)
    world.simple("large", lambda p: {}, memory=512)
    record = world.run(sequence("s", "/guest/small", "/guest/large", "/guest/small"))
    assert annotation(record, "limits")["memory"] == 512


@pytest.mark.scenario("S18")
def test_one_more_than_allowed_is_too_long_and_ends_it() -> None:
    machine = running(sequence("s", "/guest/x", "/guest/x"), ComponentKind.SEQUENCE, limit=2)
    record = World().record(action("x"), "0" * 32, {"v": 1}, "")
    finish = machine.handle(CallFinished(5, record, Used(atomic=3)))[0]
    assert isinstance(finish, Finish)
    assert finish.record.response == ActivationResponse.application_error("Too many actions in the sequence.")
    assert finish.record.logs == ("0" * 32,)


def test_a_result_that_does_not_come(world: World) -> None:
    def never(payload: Any) -> Any:
        raise Overdue

    world.simple("never", never)
    record = world.run(sequence("s", "/guest/never", "/guest/inc"))
    assert record.response == ActivationResponse.whisk_error(
        f"Timeout reached when retrieving activation {record.logs[0]} for sequence component."
    )


def test_a_call_that_fails(world: World) -> None:
    def broken(payload: Any) -> Any:
        raise Broken

    world.simple("broken", broken)
    record = world.run(sequence("s", "/guest/inc", "/guest/broken"))
    assert record.response == ActivationResponse.whisk_error("Sequence failed.")
    assert len(record.logs) == 1


def test_a_store_that_is_away(world: World) -> None:
    world.unknowable.add("guest/inc")
    record = world.run(sequence("s", "/guest/inc"))
    assert record.response == ActivationResponse.whisk_error("Sequence failed.")


@pytest.mark.scenario("C10")
def test_a_conductor_is_one_action_of_a_sequence(world: World) -> None:
    world.add(conductor(), lambda p: {"params": {"v": 41}})
    record = world.run(sequence("s", "/guest/c", "/guest/inc"))
    assert record.response.result == {"v": 42}
    inner = world.records[record.logs[0]]
    assert annotation(inner, "conductor") is True
    assert annotation(inner, "causedBy") == "sequence"
    assert annotation(inner, "topmost") is False


def test_binding_is_annotated(world: World) -> None:
    record = world.run(sequence("s", "/guest/inc", namespace="other/pkg"), binding="guest/bound")
    assert annotation(record, "binding") == "guest/bound"
    assert annotation(record, "path") == "other/pkg/s"
    assert record.namespace == "guest"


def test_a_sequence_of_nothing_answers_its_payload(world: World) -> None:
    assert world.run(sequence("s"), {"a": 1}).response.result == {"a": 1}


def running(made: Any, kind: ComponentKind = ComponentKind.ACTION, limit: int = 50) -> Sequence:
    machine = Sequence(EnclosingActivation("e" * 32, made, USER, 0), limit, {"v": 1})
    machine.handle(Start(0))
    machine.handle(ComponentResolved(1, 0, kind, 1000))
    return machine


def test_components_are_resolved_together_and_called_when_known() -> None:
    machine = Sequence(EnclosingActivation("e" * 32, sequence("s", "/_/a", "/_/b"), USER, 0), 50, {"v": 1})
    started = machine.handle(Start(0))
    assert [i.name.doc_id for i in started if isinstance(i, ResolveComponent)] == ["guest/a", "guest/b"]
    assert machine.handle(ComponentResolved(1, 1, ComponentKind.ACTION, 1000)) == []
    assert machine.handle(ComponentResolved(2, 0, ComponentKind.ACTION, 1000)) == [
        CallComponent(0, ComponentKind.ACTION, {"v": 1}, 61_000, Used(depth=1))
    ]


def test_a_nested_sequence_is_told_what_is_used() -> None:
    machine = running(sequence("s", "/guest/a", "/guest/b"))
    machine.handle(ComponentResolved(2, 1, ComponentKind.SEQUENCE, 1000))
    record = World().record(action("a"), "0" * 32, {}, "")
    assert machine.handle(CallFinished(3, record)) == [
        CallComponent(1, ComponentKind.SEQUENCE, {}, None, Used(atomic=1, depth=1, calls=1))
    ]


def test_late_resolutions_are_ignored() -> None:
    machine = running(sequence("s", "/guest/a", "/guest/b"))
    machine.handle(CallFailed(3, "gone"))
    assert machine.handle(ComponentMissing(4, 1)) == []


def test_a_missing_component_is_noticed_while_waiting_for_it() -> None:
    machine = running(sequence("s", "/guest/a", "/guest/b"))
    record = World().record(action("a"), "0" * 32, {}, "")
    assert machine.handle(CallFinished(3, record)) == []
    finish = machine.handle(ComponentMissing(4, 1))[0]
    assert isinstance(finish, Finish)


def test_what_does_not_fit_is_reported_with_the_story() -> None:
    machine = running(sequence("s", "/guest/a"))
    with pytest.raises(UnexpectedEvent, match="ComponentResolved 0"):
        machine.handle(Start(2))


def test_sequences_that_call_each_other_end(world: World) -> None:
    world.limit = 5
    world.add(sequence("x", "/guest/y"))
    world.add(sequence("y", "/guest/x"))
    record = world.run(world.actions["guest/x"])
    assert record.response == ActivationResponse.application_error("Too many actions in the sequence.")
    assert len(world.records) == 7


def test_a_sequence_and_a_conductor_that_call_each_other_end(world: World) -> None:
    world.limit = 4
    world.add(sequence("x", "/guest/c"))
    world.add(conductor(), lambda p: {"params": p} if "error" in (p or {}) else {"action": "x"})
    record = world.run(world.actions["guest/x"])
    assert record.response.result == {"error": "Too many actions in the composition."}


def test_the_calls_under_one_run_are_bounded(world: World) -> None:
    world.limit = 3
    world.simple("plain", lambda p: {})
    world.add(sequence("x", "/guest/c", "/guest/c", "/guest/c"))
    world.add(conductor(), lambda p: {"action": "x"})
    world.run(world.actions["guest/x"])
    assert len(world.seen) <= 3 * (3 * 3 + 1) + 1
