"""Two controllers with one id: the second one has the place, the first one says so and ends."""

from __future__ import annotations

import os

import pytest

from tests.end_to_end.clusters import Cluster
from tests.store.couchserver import CouchServer

pytestmark = [pytest.mark.services, pytest.mark.timeout(180)]


SHORT, LONG = not os.environ.get("OWACTORS_TEST_LONG"), "the same over Kafka, with OWACTORS_TEST_LONG=1"


@pytest.mark.parametrize("transport", ["actors", pytest.param("kafka", marks=pytest.mark.skipif(SHORT, reason=LONG))])
def test_a_controller_whose_id_another_one_has_ends(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, transport: str
) -> None:
    kafka = request.getfixturevalue("kafka_address") if transport == "kafka" else None
    folder = tmp_path_factory.mktemp("places")
    with CouchServer.running(folder / "couchdb") as couch, couch.databases() as couchdb:
        cluster = Cluster(kafka, couchdb, folder)
        try:
            first = cluster.controller("0", "--set", "node.name=a")
            cluster.start()
            second = cluster.controller("0", "--set", "node.name=b")
            second.start()
            assert first.process is not None
            assert first.process.wait(60) == 1
            assert "controller0 was started on host b, too" in first.log_text()
            assert second.request("GET", "/ping").status == 200
        finally:
            cluster.close()
