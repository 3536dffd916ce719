"""An invoker's host dies with calls of two controllers waiting for it: they run elsewhere, each once."""

from __future__ import annotations

import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from tests.end_to_end.clusters import UP, Cluster, LiveController
from tests.end_to_end.telling import REACHES, TELLING, told
from tests.end_to_end.test_cluster import sent_over_http
from tests.store.couchserver import CouchServer

pytestmark = [pytest.mark.services, pytest.mark.timeout(240)]

SHORT, LONG = not os.environ.get("OWACTORS_TEST_LONG"), "the same without Kafka, with OWACTORS_TEST_LONG=1"
CALLS = 48


@pytest.mark.parametrize(
    "transport", ["kafka", "http first", pytest.param("actors", marks=pytest.mark.skipif(SHORT, reason=LONG))]
)
def test_what_waits_for_a_dead_host_runs_elsewhere_whoever_sent_it(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, transport: str
) -> None:
    kafka = request.getfixturevalue("kafka_address") if transport != "actors" else None
    folder = tmp_path_factory.mktemp("handover")
    first = ("--http-first", "--key-file", str(folder / "cluster.key")) if transport == "http first" else ()
    with (
        CouchServer.running(folder / "couchdb") as couch,
        couch.databases() as couchdb,
        told() as (url, runs),
    ):
        cluster = Cluster(kafka, couchdb, folder, "--set", "containers.user_memory=256 MB", *REACHES, *first)
        controllers = [cluster.controller(number) for number in "01"]
        invokers = [cluster.invoker(0), cluster.invoker(1)]
        try:
            cluster.start()
            for controller in controllers:
                controller.wait_for(60, **UP)
            controllers[0].deploy("telling", TELLING)

            def call(number: int) -> str:
                reply = controllers[number % 2].invoke("telling", {"url": url, "seconds": 0.3}, "blocking=false")
                assert reply.status == 202
                return str(reply.json["activationId"])

            if first:
                for controller in controllers:
                    controller.wait_until(partial(some_over_http, controller, url), "calls go over HTTP", 40)
            with ThreadPoolExecutor(8) as pool:
                accepted = list(pool.map(call, range(CALLS)))
            invokers[1].kill_all()
            statuses = {each: controllers[0].record(each, 90)["response"]["status"] for each in accepted}
            errors = {each: controllers[0].record(each)["response"]["result"].get("error") for each in accepted}
            sent = [sent_over_http(controller) for controller in controllers] if first else [1]
            moved = [controller.log_text().count("waited for invoker1") for controller in controllers]
        finally:
            cluster.close()
    lost = {each for each, status in statuses.items() if status != "success"}
    print(transport, Counter(statuses.values()), moved, Counter(errors.values()))
    assert max(runs.values()) == 1
    assert set(accepted) - lost <= set(runs)
    assert len(lost) < CALLS / 2
    assert len([each for each in lost if not runs[each]]) <= 8, "what it had taken and not begun: a few in advance"
    assert sum(moved) >= 1
    assert all(sent)


def some_over_http(controller: LiveController, url: str) -> bool:
    """It knows where the invokers take calls."""
    assert controller.invoke("telling", {"url": url}, "blocking=true").status == 200
    return sent_over_http(controller) > 0
