"""A whole node on a CouchDB that goes away and comes back: it says so, loses no record, and heals by itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.nodes import LiveNode
from tests.store.couchserver import CouchServer

pytestmark = pytest.mark.services
CODE = "def main(args):\n    return {'n': args.get('n', 0)}"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[CouchServer]:
    with CouchServer.running(tmp_path / "couchdb", own=True, memory=False) as server:
        yield server


def on(server: CouchServer) -> LiveNode:
    user, _, where = server.url.removeprefix("http://").rpartition("@")
    name, _, password = user.partition(":")
    chosen = {
        "store.backend": "couchdb",
        "couchdb.url": f"http://{where}",
        "couchdb.username": name,
        "couchdb.password": password,
        "containers.prewarm": "false",
    }
    return LiveNode(*(part for key, value in chosen.items() for part in ("--set", f"{key}={value}")))


def test_server_goes_away_and_comes_back(server: CouchServer) -> None:
    with on(server) as node:
        node.deploy("count", CODE)
        node.deploy("large", CODE + "\n# " + "x" * 20_000)
        assert node.invoke("large").status == 200, "its code is an attachment"
        accepted = [node.invoke("count", {"n": n}, "blocking=false").json["activationId"] for n in range(5)]
        blocking = [node.invoke("count", {"n": n}) for n in range(5)]

        server.kill()
        without = node.invoke("count", {"n": 9})
        assert without.status == 200, "a warm action needs no store, and its record waits"
        refused = node.invoke("count", {}, "blocking=false")
        assert refused.status == 503, refused.body
        assert "CouchDB" in refused.json["error"]
        assert node.api("GET", "/activations").status == 503

        server.start()
        node.wait_until(lambda: node.invoke("count", {}, "blocking=false").status == 202, "accepts again")
        answered = [*accepted, *(reply.json["activationId"] for reply in (*blocking, without))]
        for activation_id in answered:
            assert node.record(activation_id)["response"]["success"]
        listed = {one["activationId"] for one in node.api("GET", "/activations?name=count&limit=200").json}
        assert set(answered) <= listed
        last = node.invoke("count", {"n": 10}).json["activationId"]
        assert node.stop() == 0

    with on(server) as again:
        assert again.record(last)["response"]["result"] == {"n": 10}
        assert again.invoke("large").status == 200
