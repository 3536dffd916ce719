"""The first actor of a host: what it asks, starts, tells and stops."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from attrs import evolve

from owactors.actor.clusterinvoker import ClusterInvoker
from owactors.actor.hostsupervisor import HostSupervisor
from owactors.actor.rolesupervisor import RoleSupervisor
from owactors.message.node import (
    AskCluster,
    ClusterFacts,
    GetNodeStatus,
    InvokerReady,
    NodeFailed,
    NodeStatus,
    NodeStopped,
    NodeUp,
    RoleReplaced,
    RoleStopped,
    StartRole,
    StopNode,
    StopRole,
)
from tests.actor.harness import Bench, named
from tests.actor.test_clusterinvoker import INSTANCE

CONTROLLER, INVOKER = "RoleSupervisor-0", "RoleSupervisor-1"


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench(HostSupervisor)
    yield made
    made.exit()


def start_both(bench: Bench) -> None:
    for role, supervisor in (("controller", CONTROLLER), ("invoker", INVOKER)):
        bench.give(StartRole(role, "setup"), "outside")
        bench.give(NodeUp(1), supervisor)


def test_it_asks_until_a_controller_answers(bench: Bench) -> None:
    question = AskCluster("b", "folder", entrances=(named("first"), named("second")), shown="there")
    bench.give(question, "outside")
    bench.fire("ask")
    assert [len(bench.sent_to(each)) for each in ("first", "second")] == [2, 2]
    assert bench.sent_to("first")[0].entrances == ()
    facts = ClusterFacts({"limits.time_max": "1 min"}, None, 3)
    bench.give(facts, "second")
    bench.give(ClusterFacts(), "first")
    assert bench.sent_to("outside") == [facts]
    assert bench.timers == {}


def test_a_late_answer_to_the_question_before_has_no_number_and_is_not_taken_for_one_with_it(bench: Bench) -> None:
    question = AskCluster("b", "folder", entrances=(named("first"),))
    bench.give(question, "outside")
    bench.fire("ask")
    bench.give(ClusterFacts(), "first")
    bench.give(evolve(question, invoker=True), "outside")
    bench.give(ClusterFacts(), "first")  # the second answer to what was asked twice
    bench.give(ClusterFacts(invoker=2), "first")
    assert [facts.invoker for facts in bench.sent_to("outside")] == [-1, 2]


@pytest.mark.parametrize("refused", [True, False])
def test_why_it_cannot_join_is_said(bench: Bench, refused: bool) -> None:
    bench.give(AskCluster("b", "folder", entrances=(named("first"),), shown="10.0.0.1:3234"), "outside")
    if refused:
        bench.give(ClusterFacts(refused="the name is taken"), "first")
    else:
        bench.fire("nobody")
    [answer] = bench.sent_to("outside")
    assert isinstance(answer, NodeFailed)
    assert ("the name is taken" if refused else "no controller answers at 10.0.0.1:3234") in answer.reason


def test_it_is_ended_once_all_its_roles_are(bench: Bench) -> None:
    start_both(bench)
    bench.take()
    for ended in ("", "invoker0 is elsewhere"):
        bench.give(GetNodeStatus(), "outside")
        bench.give(NodeStatus({"controller": 1}, "controllera is elsewhere"), CONTROLLER)
        bench.give(NodeStatus({"invoker": 2}, ended), INVOKER)
    first, second = bench.sent_to("outside")
    assert (first.restarts, first.ended) == ({"controller": 1, "invoker": 2}, "")
    assert second.ended == "controllera is elsewhere invoker0 is elsewhere"


def test_what_was_started_last_stops_first(bench: Bench) -> None:
    start_both(bench)
    bench.give(StopNode(), "outside")
    assert (bench.sent_to(INVOKER)[-1], StopNode() in bench.sent_to(CONTROLLER)) == (StopNode(), False)
    bench.give(NodeStopped(), INVOKER)
    assert bench.sent_to(CONTROLLER)[-1] == StopNode()
    bench.give(NodeStopped(), CONTROLLER)
    assert bench.sent_to("outside")[-1] == NodeStopped()


def test_a_role_whose_place_another_one_has_finishes_and_is_not_started_again() -> None:
    bench = Bench(RoleSupervisor)
    bench.give(StartRole("invoker", INSTANCE, 7.0), "outside")
    [role] = [made.address for made in bench.created if made.cls is ClusterInvoker]
    bench.actor._up = lambda *_: None
    bench.give(InvokerReady(0), role)
    bench.actor._asker = None
    bench.give(RoleReplaced("invoker0 is elsewhere"), role)
    assert bench.sent_to(role)[-1] == StopRole(7.0)
    bench.give(GetNodeStatus(), "outside")
    bench.give(RoleStopped(), role)
    bench.child_exited(role)
    bench.give(GetNodeStatus(), "outside")
    statuses = [each.ended for each in bench.sent_to("outside") if isinstance(each, NodeStatus)]
    assert statuses == ["", "invoker0 is elsewhere"]
    assert len([made for made in bench.created if made.cls is ClusterInvoker]) == 1
    bench.exit()
