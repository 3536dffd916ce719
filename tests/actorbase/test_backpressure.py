"""A coroutine that sends waits for room while its peer stalls."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from thespian.actors import ActorAddress, ActorSystem

from owactors.actorbase.limits import MAX_UNACKED_FRAMES, ROOM_FRAMES
from tests.actorbase.room_actors import Pump, Pumped, Pumper
from tests.actorbase.running import SECONDS, call, eventually, start
from tests.actorbase.system_actors import Subject

COUNT = 20_000


@pytest.fixture
def system(tmp_path: Path) -> Iterator[ActorSystem]:
    system = start(str(tmp_path / "actors"))
    yield system
    system.shutdown()


def pumped(system: ActorSystem, pumper: ActorAddress) -> int:
    answer = system.ask(pumper, Pumped(0), SECONDS)
    while not isinstance(answer, Pumped):
        answer = system.listen(SECONDS)
    return answer.count


def test_a_coroutine_waits_while_its_peer_stalls_and_loses_nothing(system: ActorSystem) -> None:
    pumper, target = system.createActor(Pumper), system.createActor(Subject)
    pid = call(system, target, "where").pid
    os.kill(pid, signal.SIGSTOP)
    system.tell(pumper, Pump(target, COUNT))
    eventually(lambda: pumped(system, pumper) >= ROOM_FRAMES, "a full queue")
    assert pumped(system, pumper) < ROOM_FRAMES + 100 < MAX_UNACKED_FRAMES
    os.kill(pid, signal.SIGCONT)
    eventually(lambda: pumped(system, pumper) == COUNT, "the rest")
    eventually(lambda: len(call(system, target, "seen").what) == COUNT, "arrival")
    assert call(system, target, "seen").what == list(range(COUNT))


def test_a_coroutine_does_not_wait_for_a_dead_peer(system: ActorSystem) -> None:
    pumper, target = system.createActor(Pumper), system.createActor(Subject)
    pid = call(system, target, "where").pid
    os.kill(pid, signal.SIGSTOP)
    system.tell(pumper, Pump(target, COUNT))
    eventually(lambda: pumped(system, pumper) >= ROOM_FRAMES, "a full queue")
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: pumped(system, pumper) == COUNT, "the rest")


def test_a_neighbour_in_the_process_has_room_as_soon_as_it_keeps_up(system: ActorSystem) -> None:
    pumper = system.createActor(Pumper)
    target = call(system, pumper, "near")
    system.tell(pumper, Pump(target, COUNT))
    eventually(lambda: pumped(system, pumper) == COUNT, "all")
    assert len(call(system, target, "seen").what) == COUNT
