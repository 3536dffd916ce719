"""Three hosts without Kafka, as network namespaces on a switch; needs root. A link is cut and healed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.actorbase.hosts import NoHosts
from tests.end_to_end.clusters import UP, Cluster
from tests.end_to_end.switch import Switch, placed, reachable, switched
from tests.store.couchserver import CouchServer

pytestmark = [pytest.mark.services, pytest.mark.timeout(240)]


@pytest.fixture
def switch() -> Iterator[Switch]:
    try:
        with switched(3) as made:
            yield made
    except NoHosts as reason:
        pytest.skip(f"no hosts to test with: {reason}")


def test_a_host_that_is_cut_off_is_down_and_comes_back(switch: Switch, tmp_path: Path) -> None:
    with (
        CouchServer.running(tmp_path / "couchdb") as couch,
        couch.databases() as local,
        reachable(switch.address, local) as couchdb,
    ):
        cluster = Cluster(None, couchdb, tmp_path, "--set", "keys.guest_everywhere=true")
        controller = cluster.controller("0", bus=f"{switch.host_address(1)}:3234")
        invokers = [cluster.invoker(number) for number in range(2)]
        for host, node in enumerate((controller, *invokers), 1):
            placed(node, switch, host)
        try:
            cluster.start()
            controller.wait_for(40, **UP)
            controller.deploy("quick", "def main(args):\n    return {'got': args}")
            assert controller.invoke("quick", {"n": 1}).json["response"]["result"] == {"got": {"n": 1}}
            switch.link(2, "down")
            controller.wait_for(30, invoker0="down", invoker1="up")
            reply = controller.invoke("quick", {"n": 2})
            assert (reply.status, invokers[1].ran(reply.json["activationId"])) == (200, True)
            switch.link(2, "up")
            controller.wait_for(30, **UP)
            assert controller.invoke("quick", {"n": 3}).status == 200
        finally:
            cluster.close()
