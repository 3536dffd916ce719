"""One suite for IoActor over every base that can carry it: ours, multiprocTCPBase, simpleSystemBase."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from thespian.actors import ActorAddress, ActorExitRequest, ActorSystem

from tests.actor.io_actors import Beat, Do, Number, Refused, Subject, Told
from tests.actor.live import BASES, start

SECONDS = 15
Ask = Callable[[str], Any]


@pytest.fixture(scope="module", params=BASES)
def system(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ActorSystem]:
    system = start(request.param, tmp_path_factory.mktemp("actors"))
    system.base = request.param
    yield system
    system.shutdown()


@pytest.fixture
def subject(system: ActorSystem) -> Iterator[ActorAddress]:
    address = system.createActor(Subject)
    yield address
    system.tell(address, ActorExitRequest())


@pytest.fixture
def ask(system: ActorSystem, subject: ActorAddress) -> Ask:
    return lambda what: system.ask(subject, Do(what), SECONDS)


def test_a_result_comes_back(ask: Ask) -> None:
    assert ask("double") == Told("outcome", Number(42))


def test_an_exception_comes_back(ask: Ask) -> None:
    assert ask("refuse") == Told("outcome", Refused("refused"))
    assert ask("fail") == Told("outcome", Refused("refused"))


def test_a_coroutine_may_wait_for_room(ask: Ask) -> None:
    assert ask("room") == Told("outcome", Number(1))


def test_a_cancelled_coroutine_says_nothing(ask: Ask) -> None:
    assert ask("cancel") == Told("cancelled")


def test_only_the_last_timer_of_a_name_fires(ask: Ask, system: ActorSystem) -> None:
    assert ask("timer") == Told("second")
    assert ask("report") == Told("report", [])


def test_stashed_messages_come_first_and_in_order(ask: Ask, system: ActorSystem, subject: ActorAddress) -> None:
    for what in ["close", "a", "b", "c", "open", "d"]:
        system.tell(subject, Do(what))
    assert ask("report") == Told("report", ["a", "b", "c", "d"])


def test_a_handler_that_raises_runs_once(ask: Ask, system: ActorSystem, subject: ActorAddress) -> None:
    system.tell(subject, Do("raise"))
    assert ask("report") == Told("report", ["raising", "failed: a handler fails"])


def test_children_near_and_far(system: ActorSystem, subject: ActorAddress, ask: Ask) -> None:
    for what in ["child", "lonely"]:
        system.tell(subject, Do(what))
        deadline = time.monotonic() + SECONDS
        told = system.listen(SECONDS)
        while told is None and time.monotonic() < deadline:
            told = system.ask(subject, Do("report"), 1)
        assert told == Told("greeted", told.value)


def test_a_childs_exit_is_told_once(system: ActorSystem, subject: ActorAddress, ask: Ask) -> None:
    assert ask("leave") == Told("gone")
    assert ask("report") == Told("report", [])


def test_a_coroutine_ends_with_its_actor(system: ActorSystem, subject: ActorAddress, ask: Ask, tmp_path: Path) -> None:
    path = tmp_path / "beats"
    system.tell(subject, Beat(str(path)))
    deadline = time.monotonic() + SECONDS
    while not path.exists():
        assert time.monotonic() < deadline
        system.listen(0.05)  # simpleSystemBase only works while it is waited for
    assert ask("end_beat") == Told("gone")
    while True:
        before = path.stat().st_size
        time.sleep(0.2)
        if path.stat().st_size == before:
            break
        assert time.monotonic() < deadline, "it goes on"
