"""What is changed over one controller is seen over the other, also when that one comes, or cannot hear it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from attrs import define, field

from tests.end_to_end.clusters import Cluster, LiveController
from tests.services.kafka import Broker, running_broker
from tests.store.couchserver import CouchServer

pytestmark = [pytest.mark.services, pytest.mark.timeout(240)]

#: triggers that are looked at before they are changed
KEPT = 10


@define
class Pair:
    """Two controllers with the same documents; no invoker is needed to look at a trigger."""

    controllers: tuple[LiveController, LiveController]
    broker: Broker | None


@pytest.fixture(scope="module", params=["actors", "Kafka"])
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("pair")
    with ExitStack() as stack:
        broker = stack.enter_context(running_broker()) if request.param == "Kafka" else None
        couch = stack.enter_context(CouchServer.running(folder / "couchdb"))
        address = None if broker is None else broker.address
        cluster = Cluster(address, stack.enter_context(couch.databases()), folder)
        stack.callback(cluster.close)
        made = Pair((cluster.controller("0"), cluster.controller("1")), broker)
        cluster.start()
        yield made


def write(node: LiveController, name: str, value: int) -> bool:
    body = {"parameters": [{"key": "n", "value": value}]}
    return node.api("PUT", f"/triggers/{name}?overwrite=true", body).status == 200


def read(node: LiveController, name: str) -> int | None:
    reply = node.api("GET", f"/triggers/{name}")
    return reply.json["parameters"][0]["value"] if reply.status == 200 else None


def seen(node: LiveController, name: str, value: int) -> None:
    node.wait_until(lambda: read(node, name) == value, f"{name} is {value} over {node.options[1]}", 20)


@define
class Changing:
    """Triggers that are made, looked at over `read`, and changed once over `written`, one after the other.

    So what is missed at any moment is not mended by the next change of the same one.
    """

    name: str
    written: LiveController
    read: LiveController
    made: int = 0
    changed: int = 0
    looks: int = 0
    ended: threading.Event = field(factory=threading.Event)
    threads: list[threading.Thread] = field(factory=list)

    def __enter__(self) -> Changing:
        self.threads = [threading.Thread(target=self._repeat, args=(each,)) for each in (self._write, self._look)]
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        for thread in self.threads:
            thread.join()

    def _repeat(self, step: Callable[[], None]) -> None:
        while not self.ended.is_set():
            try:
                step()
            except OSError:
                pass  # the controller is not there yet
            time.sleep(0.01)

    def _write(self) -> None:
        if self.made < self.changed + KEPT:
            self.made += write(self.written, f"{self.name}{self.made}", 1)
        else:
            self.changed += write(self.written, f"{self.name}{self.changed}", 2)

    def _look(self) -> None:
        for number in range(self.changed, self.made):
            self.looks += read(self.read, f"{self.name}{number}") is not None

    def all_are_seen(self) -> None:
        for number in range(self.changed):
            seen(self.read, f"{self.name}{number}", 2)


@pytest.mark.parametrize("victim", [0, 1])
def test_while_a_controller_comes(pair: Pair, victim: int) -> None:
    """It reads and keeps what the other one changes before they hear each other, and the other way round."""
    if pair.broker is not None and victim == 0 and not os.environ.get("OWACTORS_TEST_LONG"):
        pytest.skip("over Kafka all controllers are alike: the other one comes; both with OWACTORS_TEST_LONG=1")
    comes, stays = pair.controllers[victim], pair.controllers[1 - victim]
    comes.kill_all()
    with Changing(f"there{victim}-", stays, comes) as there, Changing(f"here{victim}-", comes, stays) as here:
        comes.start()
        begun = (there.changed, here.changed)
        comes.wait_until(
            lambda: there.changed > begun[0] + 30 and here.changed > begun[1] + 30, "changes for a while", 60
        )
    for each in (there, here):
        assert each.looks > 0
        each.all_are_seen()


def test_while_the_broker_is_away(pair: Pair) -> None:
    if pair.broker is None:
        pytest.skip("the controllers speak as actors: see test_proof.py for two that cannot reach each other")
    one, other = pair.controllers
    assert write(one, "away", 1)
    for _ in range(20):  # until the change was heard, and then it is kept
        assert {read(one, "away"), read(other, "away")} == {1}
        time.sleep(0.1)
    pair.broker.kill()
    assert write(one, "away", 2)
    seen(other, "away", 2)
    assert write(other, "away", 3)
    seen(one, "away", 3)
