"""Calls that cannot go over HTTP, as they should, are answered all the same, and an operator is told why."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.clusters import Cluster, LiveController
from tests.store.couchserver import CouchServer

pytestmark = [pytest.mark.services, pytest.mark.timeout(180)]

#: an address of this machine at which no invoker listens
ELSEWHERE = "127.0.0.77"
FIGURE = "gauge_loadbalancer_httpFirst_counter"


@pytest.fixture
def controller(tmp_path: Path) -> Iterator[LiveController]:
    """Of an invoker that announces a wrong address."""
    with CouchServer.running(tmp_path / "couchdb") as couch, couch.databases() as couchdb:
        cluster = Cluster(None, couchdb, tmp_path, "--http-first")
        controller = cluster.controller("0")
        cluster.invoker(0, "--set", f"cluster.http_host={ELSEWHERE}")
        try:
            cluster.start()
            controller.wait_for(60, invoker0="up")
            yield controller
        finally:
            cluster.close()


def test_calls_to_an_invoker_that_cannot_be_reached_go_by_the_topic_and_the_log_says_why(
    controller: LiveController,
) -> None:
    controller.deploy("quick", "def main(args):\n    return args")

    def told() -> bool:
        reply = controller.invoke("quick", {"n": 1})
        assert (reply.status, reply.json["response"]["result"]) == (200, {"n": 1})
        return f"({ELSEWHERE}:" in controller.log_text()

    controller.wait_until(told, "the log says where it cannot be reached", 60)
    line = next(line for line in controller.log_text().splitlines() if ELSEWHERE in line)
    assert "go by the topic and not over HTTP" in line
    assert "no connection" in line
    assert figure(controller, "unreachable") >= 1
    assert figure(controller, "sent") == 0


def figure(controller: LiveController, outcome: str) -> float:
    text = controller.request("GET", "/metrics", auth=None).body.decode()
    found = [line for line in text.splitlines() if line.startswith(f'{FIGURE}{{outcome="{outcome}"}}')]
    return float(found[0].rpartition(" ")[2]) if found else 0.0
