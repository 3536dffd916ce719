"""The pool on real systems with a process per proxy: addresses that are no keys, evictions, draining."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from thespian.actors import ActorExitRequest, ActorSystem

from owactors import actorbase
from tests.actor.echo_pool import Calls, Done, EchoRoot

SECONDS = 60


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module", params=["owactorsBase", "multiprocTCPBase", "simpleSystemBase"])
def system(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ActorSystem]:
    options: dict[str, Any] = {"logDefs": {"version": 1, "root": {"level": 60}}}
    if request.param == "owactorsBase":
        actorbase.install()
        actorbase.allow("tests.")
        options = {"capabilities": actorbase.capabilities(str(tmp_path_factory.mktemp("actors")))}
    elif request.param == "simpleSystemBase":
        options = {"logDefs": False}  # it would configure the logging of this very process
    else:
        options["capabilities"] = {"Admin Port": free_port()}
    system = ActorSystem(request.param, transientUnique=True, **options)
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
