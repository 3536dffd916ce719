"""Invoker, pool and proxies as actors of real systems, with in-process containers and a store on disk."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from thespian.actors import ActorExitRequest, ActorSystem

from owactors.actor.containerpool import PROXY_ENDED
from owactors.actor.factories import FACTORIES
from tests.actor.live import BASES, OWN, SIMPLE, start
from tests.actor.pool_world import Begin, Look, MarkingFactory, Report, Root

SECONDS, PATIENCE = 90, 10


@pytest.fixture(scope="module", params=BASES)
def base(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def system(base: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ActorSystem]:
    before, FACTORIES.build = FACTORIES.build, MarkingFactory  # what is forked has it, too
    system = start(base, tmp_path_factory.mktemp("actors"))
    yield system
    system.shutdown()
    FACTORIES.build = before


def ask(system: ActorSystem, begin: Begin) -> Report:
    root = system.createActor(Root)
    report, deadline = system.ask(root, begin, PATIENCE), time.monotonic() + SECONDS
    while report is None and time.monotonic() < deadline:
        report = system.ask(root, Look(), PATIENCE)  # under load a stock base may keep an answer until it is spoken to
    system.tell(root, ActorExitRequest())
    assert isinstance(report, Report), report
    return report


def most_of(report: Report, room: int, base: str) -> int:
    """All the room is used; where each proxy is a process, the last one may come when everything is done."""
    return room if base == OWN else min(max(report.most_containers, 1), room)


def test_many_calls_at_once_in_room_for_eight(system: ActorSystem, base: str, tmp_path: Path) -> None:
    calls = 1000 if base == OWN else 100
    report = ask(system, Begin(calls, 8 * 256, str(tmp_path)))
    assert report == Report(calls, calls, calls, calls, most_of(report, 8, base), containers_left=0)


def test_more_actions_than_there_is_room_for_take_turns(system: ActorSystem, base: str, tmp_path: Path) -> None:
    calls = 60 if base == OWN else 24
    report = ask(system, Begin(calls, 4 * 256, str(tmp_path), actions=12))
    assert (report.acks, report.different, report.records, report.successes) == (calls,) * 4
    assert report.most_containers <= 4
    assert report.containers_left == 0


def test_containers_that_take_several_calls_at_once(system: ActorSystem, base: str, tmp_path: Path) -> None:
    calls = 300 if base == OWN else 60
    report = ask(system, Begin(calls, 2 * 256, str(tmp_path), concurrency=10))
    assert report == Report(calls, calls, calls, calls, most_of(report, 2, base), containers_left=0)


def test_a_killed_proxy_process_ends_its_activation_with_the_cause(
    system: ActorSystem, base: str, tmp_path: Path
) -> None:
    if base == SIMPLE:
        pytest.skip("simpleSystemBase has no processes")
    pids = tmp_path / "pids"
    pids.mkdir()
    root = system.createActor(Root)
    system.tell(root, Begin(1, 256, str(tmp_path), pids=str(pids)))
    deadline = time.monotonic() + SECONDS
    while not (found := list(pids.iterdir())):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(int(found[0].name), signal.SIGKILL)
    report = system.listen(SECONDS)
    system.tell(root, ActorExitRequest())
    assert isinstance(report, Report), report
    assert (report.acks, report.records, report.successes) == (1, 1, 0)
    assert report.errors == (PROXY_ENDED,)
