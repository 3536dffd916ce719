"""Letters beyond the limits, class by class: those of actors come back as dead letters, Thespian's own still pass."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from thespian.actors import ActorAddress, ActorExitRequest, ActorSystem, DeadEnvelope, PoisonMessage
from thespian.system.messages.status import Thespian_StatusReq

from owactors.actorbase import letters, sendqueue, transport
from tests.actorbase.running import SECONDS, call, eventually, start
from tests.actorbase.system_actors import Call, Subject

LIMIT, MORE = 100, 50
NEAR = {"colocate": True}


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ActorSystem]:
    """Its processes inherit the small limit."""
    monkeypatch.setattr(sendqueue, "MAX_UNACKED_FRAMES", LIMIT)
    monkeypatch.setattr(transport, "MAX_UNACKED_FRAMES", LIMIT)
    running = start(str(tmp_path / "actors"))
    yield running
    running.shutdown()


@pytest.fixture
def parent(system: ActorSystem) -> ActorAddress:
    """Handles dead letters, its own among them."""
    address = system.createActor(Subject)
    call(system, address, "dead_letters")
    return address


def dead(system: ActorSystem, actor: ActorAddress) -> list[Any]:
    return [each[1] for each in call(system, actor, "seen").what if isinstance(each, list) and each[0] == "dead"]


def test_a_neighbour_in_the_process_gets_as_many_as_the_mailbox_takes(
    system: ActorSystem, parent: ActorAddress
) -> None:
    child = call(system, parent, "create", NEAR)
    assert call(system, parent, "count", (child, LIMIT + MORE)) == "sent"
    eventually(lambda: len(dead(system, parent)) == MORE, "dead letters")
    assert call(system, child, "seen").what == list(range(LIMIT))
    assert dead(system, parent) == list(range(LIMIT, LIMIT + MORE))


def test_a_process_that_has_stopped_gets_as_many_as_may_wait_and_its_exit_request(
    system: ActorSystem, parent: ActorAddress
) -> None:
    child = call(system, parent, "create")
    pid = call(system, child, "where").pid
    os.kill(pid, signal.SIGSTOP)
    assert call(system, parent, "count", (child, LIMIT + MORE)) == "sent"
    eventually(lambda: len(dead(system, parent)) == MORE, "dead letters")
    system.tell(parent, Call("forward", (child, ActorExitRequest())))
    assert ["exited", True] not in call(system, parent, "seen").what
    os.kill(pid, signal.SIGCONT)
    eventually(lambda: ["exited", True] in call(system, parent, "seen").what, "exit")
    assert len(dead(system, parent)) == MORE
    status = system.ask(parent, Thespian_StatusReq(), SECONDS)
    assert status.miscKeyVals["owactors.letters_returned"] == MORE


def test_which_classes_of_messages_are_exempt() -> None:
    assert letters.is_exempt(ActorExitRequest())
    for ordinary in ("text", PoisonMessage("text", ""), DeadEnvelope(ActorAddress("nobody"), "text")):
        assert not letters.is_exempt(ordinary)
