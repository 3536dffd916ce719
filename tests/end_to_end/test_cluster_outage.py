"""The broker or the database dies under a cluster that is working, and comes back: it heals without a hand."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import define, field

from tests.end_to_end.clusters import UP, Cluster, LiveController
from tests.end_to_end.test_cluster import sent_over_http
from tests.services.kafka import Broker, running_broker
from tests.store.couchserver import CouchServer

pytestmark = [pytest.mark.services, pytest.mark.timeout(300)]

QUICK = "def main(args):\n    return {'got': args.get('n')}"


@define
class Load:
    """Blocking and accepted calls, a few at a time, until it is stopped; what they were answered."""

    controller: LiveController
    statuses: Counter[int] = field(factory=Counter)
    accepted: list[str] = field(factory=list)
    #: so many were not accepted since enough waited already
    too_many: int = 0
    wrong: list[object] = field(factory=list)
    ended: threading.Event = field(factory=threading.Event)
    threads: list[threading.Thread] = field(factory=list)

    def __enter__(self) -> Load:
        self.threads = [threading.Thread(target=self._calls, args=(kind,)) for kind in ("true", "false", "true")]
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        for thread in self.threads:
            thread.join()

    def _calls(self, blocking: str) -> None:
        number = 0
        while not self.ended.is_set():
            number += 1
            reply = self.controller.invoke("quick", {"n": number}, f"blocking={blocking}")
            self.statuses[reply.status] += 1
            if reply.status == 202:
                self.accepted.append(reply.json["activationId"])
            elif reply.status == 503:
                self.too_many += "kafka.hold_calls" in reply.json["error"]
            elif reply.status != 200 or reply.json["response"]["result"] != {"got": number}:
                self.wrong.append(reply.json)
            time.sleep(0.05)


@pytest.fixture
def broker() -> Iterator[Broker]:
    with running_broker() as made:
        yield made


@pytest.fixture
def couch(tmp_path: Path) -> Iterator[CouchServer]:
    with CouchServer.running(tmp_path / "couchdb", own=True, memory=False) as server:
        yield server


def every_accepted_call_has_a_record(load: Load) -> Counter[str]:
    """How they ended: "" for well, or with which error."""
    ends: Counter[str] = Counter()
    for activation_id in load.accepted:
        response = load.controller.record(activation_id, 60)["response"]
        ends["" if response["success"] else str(response["result"])] += 1
    return ends


def test_a_broker_and_then_a_database_that_die_and_come_back(
    broker: Broker, couch: CouchServer, tmp_path: Path
) -> None:
    with couch.databases() as couchdb:
        cluster = Cluster(broker.address, couchdb, tmp_path, "--set", "kafka.hold_calls=20")
        controller = cluster.controller("0")
        cluster.invoker(0)
        cluster.invoker(1)
        try:
            cluster.start()
            controller.wait_for(40, **UP)
            controller.deploy("quick", QUICK)
            with Load(controller) as load:
                controller.wait_until(lambda: load.statuses[200] > 10, "calls are answered")
                broker.kill()
                controller.wait_until(lambda: load.too_many, "enough calls wait for the broker", 90)
                broker.start()
                before, accepted = load.statuses[200], len(load.accepted)
                controller.wait_until(lambda: load.statuses[200] > before + 10, "calls are answered again", 60)
                controller.wait_until(lambda: len(load.accepted) > accepted + 10, "calls are accepted again", 60)
            assert load.wrong == [], f"{load.statuses}\n{controller.log_text()}"
            controller.wait_for(40, **UP)
            # What was accepted meanwhile ran when the broker was back, but for what was on its way when it went.
            ends = every_accepted_call_has_a_record(load)
            assert all("It may run" in end or "It has not run" in end for end in ends if end), ends
            assert ends[""] > 0.9 * ends.total(), ends
            with Load(controller) as load:
                controller.wait_until(lambda: load.statuses[200] > 10, "calls are answered")
                couch.kill()
                time.sleep(3)
                couch.start()
                before = load.statuses[200]
                controller.wait_until(lambda: load.statuses[200] > before + 10, "calls are answered again", 60)
            assert load.wrong == [], load.statuses
            every_accepted_call_has_a_record(load)
        finally:
            cluster.close()


def test_calls_that_go_over_http_do_not_need_the_broker(broker: Broker, tmp_path: Path) -> None:
    with CouchServer.running(tmp_path / "couchdb") as couch, couch.databases() as couchdb:
        cluster = Cluster(
            broker.address, couchdb, tmp_path, "--http-first", "--key-file", str(tmp_path / "cluster.key")
        )
        controller = cluster.controller("0")
        cluster.invoker(0)
        try:
            cluster.start()
            controller.wait_for(40, invoker0="up")
            controller.deploy("quick", QUICK)

            def goes_over_http() -> bool:
                assert controller.invoke("quick", {"n": 1}).status == 200
                return sent_over_http(controller) > 0

            controller.wait_until(goes_over_http, "the controller knows where the invoker takes calls", 40)
            broker.kill()
            with Load(controller) as load:
                controller.wait_until(lambda: load.statuses[200] > 40 and load.statuses[202] > 20, "calls go on", 60)
            assert load.wrong == []
            assert set(load.statuses) == {200, 202}, load.statuses
            every_accepted_call_has_a_record(load)
            broker.start()
            controller.wait_for(40, invoker0="up")
            assert controller.invoke("quick", {"n": 2}).status == 200
        finally:
            cluster.close()
