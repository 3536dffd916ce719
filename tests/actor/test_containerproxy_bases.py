"""One container proxy as an actor of real systems, in a process of its own where the base can."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from thespian.actors import ActorExitRequest, ActorSystem

from owactors.actor.factories import FACTORIES
from tests.actor.live import BASES, start
from tests.actor.pool_world import MarkingFactory
from tests.actor.proxy_world import Look, Played, PoolOfOne, Scene

SECONDS = 60
#: at once: as many as the container takes
CALLS = 4


@pytest.fixture(params=BASES)
def system(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ActorSystem]:
    before, FACTORIES.build = FACTORIES.build, MarkingFactory  # what is forked has it, too
    system = start(request.param, tmp_path_factory.mktemp("actors"))
    yield system
    system.shutdown()
    FACTORIES.build = before


def test_calls_at_once_a_later_one_and_the_removal(system: ActorSystem, tmp_path: Path) -> None:
    root = system.createActor(PoolOfOne)
    system.tell(root, Scene(str(tmp_path), CALLS))
    played, deadline = None, time.monotonic() + SECONDS
    while not (isinstance(played, Played) and "ContainerDestroyed" in played.said):
        assert time.monotonic() < deadline, played
        system.listen(0.05)  # simpleSystemBase only works while it is waited for
        played = system.ask(root, Look(), 5)  # under load a stock base may keep an answer until it is spoken to
    system.tell(root, ActorExitRequest())
    assert played.results == ({"ok": True},) * (CALLS + 1)
    assert (played.finished, played.records) == (CALLS + 1, CALLS + 1)
    # removed while it was ready, or, if it took longer, while it was paused
    assert played.said in {("ContainerRemoved", "ContainerDestroyed"), ("RescheduleJob", "ContainerDestroyed")}
    assert list(tmp_path.iterdir()) == []
