"""Calls while an invoker is killed: each accepted one ends in one record, none runs twice."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.end_to_end.clusters import UP, Cluster
from tests.end_to_end.telling import REACHES, TELLING, told
from tests.store.couchserver import CouchServer

pytestmark = [pytest.mark.services, pytest.mark.timeout(240)]

CALLS = 240
SHORT, LONG = not os.environ.get("OWACTORS_TEST_LONG"), "the same without Kafka, with OWACTORS_TEST_LONG=1"


@pytest.mark.parametrize(
    "transport", ["kafka", "http", pytest.param("actors", marks=pytest.mark.skipif(SHORT, reason=LONG))]
)
def test_an_invoker_dies_in_the_middle_of_accepted_calls(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, transport: str
) -> None:
    kafka = request.getfixturevalue("kafka_address") if transport == "kafka" else None
    folder = tmp_path_factory.mktemp("once")
    with CouchServer.running(folder / "couchdb") as couch, couch.databases() as couchdb, told() as (url, runs):
        cluster = Cluster(kafka, couchdb, folder, *REACHES, *(["--http-first"] if transport == "http" else []))
        controller, invokers = cluster.controller("0"), [cluster.invoker(0), cluster.invoker(1)]
        try:
            cluster.start()
            controller.wait_for(40, **UP)
            for number in range(4):
                controller.deploy(f"telling{number}", TELLING)

            def call(number: int) -> str | None:
                if number == CALLS // 3:
                    os.kill(invokers[0].role_process(), signal.SIGKILL)
                if number == 2 * CALLS // 3:
                    os.kill(invokers[1].role_process(), signal.SIGKILL)
                reply = controller.invoke(f"telling{number % 4}", {"url": url}, "blocking=false")
                time.sleep(0.01)
                return str(reply.json["activationId"]) if reply.status == 202 else None

            with ThreadPoolExecutor(4) as pool:
                accepted = [each for each in pool.map(call, range(CALLS)) if each]
            records = {each: controller.record(each, 60)["response"]["status"] for each in accepted}
        finally:
            cluster.close()
    assert len(accepted) > CALLS * 0.9
    assert max(runs.values()) == 1
    succeeded = {each for each, status in records.items() if status == "success"}
    assert succeeded <= set(runs)
    assert len(succeeded) > CALLS * 0.5
    print(transport, len(accepted), "accepted", Counter(records.values()))
