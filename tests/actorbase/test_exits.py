"""Exits: recursive, and not; what the children that stay behind can do."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from thespian.actors import ActorAddress, ActorExitRequest, ActorSystem, PoisonMessage

from tests.actorbase.running import alive, call, eventually, start
from tests.actorbase.system_actors import Call, Place, Subject

NEAR = {"colocate": True}


@pytest.fixture
def system(tmp_path: Path) -> Iterator[ActorSystem]:
    running = start(str(tmp_path / "actors"))
    yield running
    running.shutdown()


@pytest.fixture
def family(system: ActorSystem) -> dict[str, ActorAddress]:
    """A grandparent with a child in a process of its own, which has a near and a far child."""
    top = system.createActor(Subject)
    middle = call(system, top, "create")
    return {
        "top": top,
        "middle": middle,
        "near": call(system, middle, "create", NEAR),
        "far": call(system, middle, "create"),
    }


def places(system: ActorSystem, family: dict[str, ActorAddress]) -> dict[str, Place]:
    return {name: call(system, each, "where") for name, each in family.items()}


def test_a_recursive_exit_takes_all_below_along(system: ActorSystem, family: dict[str, ActorAddress]) -> None:
    where = places(system, family)
    system.tell(family["middle"], ActorExitRequest(recursive=True))
    eventually(lambda: call(system, family["top"], "seen").what == [["exited", True]], "exit")
    assert not alive(where["middle"].pid)
    assert not alive(where["far"].pid)


def test_another_exit_leaves_the_children_where_they_are(
    system: ActorSystem, family: dict[str, ActorAddress], tmp_path: Path
) -> None:
    where = places(system, family)
    system.tell(family["middle"], ActorExitRequest(recursive=False))
    eventually(lambda: call(system, family["top"], "seen").what == [["exited", True]], "exit")
    assert call(system, family["near"], "echo", 1) == 1
    assert call(system, family["far"], "echo", 2) == 2
    assert call(system, call(system, family["near"], "create"), "echo", 3) == 3
    call(system, family["top"], "dead_letters")
    eventually(lambda: _is_dead(system, family), "a letter to the actor that has ended is a dead letter")
    for name in ("near", "far"):
        system.tell(family[name], ActorExitRequest())
    eventually(lambda: not alive(where["middle"].pid), "the process ends with the last child")
    assert call(system, family["top"], "seen").what.count(["exited", True]) == 1


def _is_dead(system: ActorSystem, family: dict[str, ActorAddress]) -> bool:
    system.tell(family["top"], Call("forward", (family["middle"], "late")))
    return ["dead", "late"] in call(system, family["top"], "seen").what


@pytest.mark.parametrize("end", ["shutdown", "SIGTERM"])
def test_what_was_left_behind_ends_with_the_system_and_with_its_process(
    system: ActorSystem, family: dict[str, ActorAddress], end: str
) -> None:
    where = places(system, family)
    system.tell(family["middle"], ActorExitRequest(recursive=False))
    eventually(lambda: call(system, family["top"], "seen").what == [["exited", True]], "exit")
    if end == "shutdown":
        system.shutdown()
    else:
        os.kill(where["middle"].pid, signal.SIGTERM)
    eventually(lambda: not alive(where["middle"].pid) and not alive(where["far"].pid), "the end of all below")


def test_a_neighbour_that_raises_or_exits_hurts_nobody(system: ActorSystem, family: dict[str, ActorAddress]) -> None:
    raising, other = call(system, family["near"], "create", NEAR), call(system, family["near"], "create", NEAR)
    assert isinstance(call(system, raising, "raise"), PoisonMessage)
    assert call(system, raising, "echo", 1) == 1
    system.tell(raising, ActorExitRequest())
    eventually(lambda: call(system, family["near"], "seen").what == [["exited", True]], "exit")
    assert [call(system, each, "echo", 2) for each in (other, family["near"], family["middle"])] == [2, 2, 2]
