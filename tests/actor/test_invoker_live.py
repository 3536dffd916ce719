"""Invoker, pool and proxies as actors of a real system, with in-process containers and a memory store."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from thespian.actors import ActorExitRequest, ActorSystem

from owactors import actorbase
from owactors.actor.containerpool import PROXY_ENDED
from tests.actor.pool_world import Begin, Report, Root

SECONDS = 60


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ActorSystem]:
    actorbase.install()
    actorbase.allow("tests.")
    folder = tmp_path_factory.mktemp("actors")
    system = ActorSystem("owactorsBase", capabilities=actorbase.capabilities(str(folder)), transientUnique=True)
    yield system
    system.shutdown()


def ask(system: ActorSystem, begin: Begin) -> Report:
    root = system.createActor(Root)
    report = system.ask(root, begin, SECONDS)
    system.tell(root, ActorExitRequest())
    assert isinstance(report, Report), report
    return report


def test_a_thousand_calls_at_once_in_room_for_eight(system: ActorSystem) -> None:
    report = ask(system, Begin(calls=1000, user_memory=8 * 256))
    assert report == Report(1000, 1000, 1000, 1000, most_containers=8, containers_left=0)


def test_more_actions_than_there_is_room_for_take_turns(system: ActorSystem) -> None:
    report = ask(system, Begin(calls=60, user_memory=4 * 256, actions=12))
    assert (report.acks, report.different, report.records, report.successes) == (60, 60, 60, 60)
    assert report.most_containers <= 4
    assert report.containers_left == 0


def test_containers_that_take_several_calls_at_once(system: ActorSystem) -> None:
    report = ask(system, Begin(calls=300, user_memory=2 * 256, concurrency=10))
    assert report == Report(300, 300, 300, 300, most_containers=2, containers_left=0)


def test_a_killed_proxy_process_ends_its_activation_with_the_cause(system: ActorSystem, tmp_path: Path) -> None:
    root = system.createActor(Root)
    system.tell(root, Begin(calls=1, user_memory=256, pids=str(tmp_path)))
    deadline = time.monotonic() + SECONDS
    while not (pids := list(tmp_path.iterdir())):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(int(pids[0].name), signal.SIGKILL)
    report = system.listen(SECONDS)
    system.tell(root, ActorExitRequest())
    assert isinstance(report, Report), report
    assert (report.acks, report.records, report.successes) == (1, 1, 0)
    assert report.errors == (PROXY_ENDED,)
