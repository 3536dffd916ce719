"""The pool on real systems with a process per proxy: addresses that are no keys, evictions, draining."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from thespian.actors import ActorExitRequest, ActorSystem

from tests.actor.echo_pool import Calls, Done, EchoRoot
from tests.actor.live import BASES, start

SECONDS = 60


@pytest.fixture(scope="module", params=BASES)
def system(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ActorSystem]:
    system = start(request.param, tmp_path_factory.mktemp("actors"))
    yield system
    system.shutdown()


def ask(system: ActorSystem, calls: Calls) -> Done:
    root = system.createActor(EchoRoot)
    done = system.ask(root, calls, SECONDS)
    system.tell(root, ActorExitRequest())
    assert isinstance(done, Done), done
    return done


def test_calls_of_one_action_share_its_containers(system: ActorSystem) -> None:
    done = ask(system, Calls(count=30, actions=1, user_memory=3 * 256))
    assert done.credits == 30
    assert done.status.running == 0
    assert 1 <= done.status.idle_count <= 3


def test_calls_of_many_actions_take_turns(system: ActorSystem) -> None:
    done = ask(system, Calls(count=12, actions=6, user_memory=2 * 256))
    assert done.credits == 12
    assert done.status.idle_memory + done.status.leaving_memory <= 512
