"""A namespace that is blocked behind the controllers' back, as wskadmin does it: its calls end, and run again later."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from owactors.store.couchdb.settings import CouchSettings
from tests.end_to_end.clusters import Cluster, LiveController
from tests.end_to_end.nodes import Reply
from tests.end_to_end.telling import REACHES, TELLING, told
from tests.store.couchserver import CouchServer, plain

pytestmark = [pytest.mark.services, pytest.mark.timeout(180)]

UUID, KEY = "5f0a6f1e-8d8c-4b3a-9b2e-0a5d3c9d7e11", "k" * 64
TENANT = {"_id": "tenant", "subject": "tenant", "namespaces": [{"name": "tenant", "uuid": UUID, "key": KEY}]}
SOON = ("--set", "invoker.blacklist_interval=1 s", "--set", "controller.blocking_wait=4 s")


def write(couchdb: CouchSettings, **changes: Any) -> None:
    """The subject's document, with these fields."""
    path = f"/{couchdb.subjects}/tenant"
    try:
        old = json.loads(plain(couchdb, "GET", path))
    except OSError:
        old = {}
    revision = {"_rev": old["_rev"]} if old else {}
    plain(couchdb, "PUT", path, json.dumps({**TENANT, **revision, **changes}).encode())


def call(controller: LiveController, url: str, *, blocking: bool = True) -> Reply:
    path = f"/actions/telling?blocking={str(blocking).lower()}"
    return controller.api("POST", path, {"url": url}, auth=f"{UUID}:{KEY}")


def test_calls_of_a_blocked_namespace_do_not_run_until_it_is_let_in_again(tmp_path: Path) -> None:
    with CouchServer.running(tmp_path / "couchdb") as couch, couch.databases() as couchdb, told() as (url, runs):
        cluster = Cluster(None, couchdb, tmp_path, *SOON, *REACHES)
        controller, _ = cluster.controller("0"), cluster.invoker(0)
        try:
            cluster.start()
            controller.wait_for(40, invoker0="up")
            write(couchdb)
            made = {"exec": {"kind": "python:default", "code": TELLING}}
            assert controller.api("PUT", "/actions/telling", made, auth=f"{UUID}:{KEY}").status == 200
            controller.deploy("telling", TELLING)
            controller.wait_until(lambda: call(controller, url).status == 200, "its calls run", 60)

            write(couchdb, blocked=True)
            controller.wait_until(lambda: not runs[call(controller, url).json["activationId"]], "the invoker knows", 60)
            refused = [call(controller, url), call(controller, url, blocking=False)]
            ids = [reply.json["activationId"] for reply in refused]
            assert [reply.status for reply in refused] == [202, 202]
            other = controller.invoke("telling", {"url": url}).json["activationId"]
            assert controller.record(other)["response"]["success"], "others are not concerned"

            write(couchdb)
            controller.wait_until(lambda: call(controller, url).status == 200, "it is let in again", 60)
            gone = [controller.api("GET", f"/activations/{each}", auth=f"{UUID}:{KEY}").status for each in ids]
        finally:
            cluster.close()
    assert gone == [404, 404], "nothing of them is kept"
    assert [runs[each] for each in ids] == [0, 0]
