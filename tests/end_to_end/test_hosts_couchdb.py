"""Hosts with their documents in a CouchDB: each may have a controller, and the first one may go."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.end_to_end.livehosts import COMMON, FirstHost, SecondHost
from tests.store.couchserver import CouchServer

pytestmark = [pytest.mark.services, pytest.mark.timeout(240)]


def test_the_first_host_dies_and_the_others_go_on_and_a_third_one_joins(tmp_path: Path) -> None:
    with CouchServer.running(tmp_path / "couchdb") as couch, couch.databases() as couchdb, ExitStack() as stack:
        first = FirstHost(
            *("one", "--couchdb", couchdb.url),
            *("--set", f"couchdb.prefix={couchdb.prefix}"),
            *("--set", f"couchdb.username={couchdb.username}"),
            *("--set", f"couchdb.password={couchdb.password}"),
        )
        stack.callback(first.close)
        first.start()
        second = first.joining_with_controller("two")
        stack.callback(second.close)
        second.start()
        for controller in (first, second):
            controller.others = lambda: [first, second]
            controller.wait_for(40, **{"invoker0/one": "up", "invoker1/two": "up"})
        first.deploy("quick", "def main(args):\n    return args")
        assert second.invoke("quick", {"n": 1}).json["response"]["result"] == {"n": 1}
        assert first.states() == {"one": "enabled", "two": "enabled"}
        first.kill_all()
        third = SecondHost("", second.secret, "--join", f"{first.bus},{second.bus}", "--name", "three", *COMMON)
        stack.callback(third.close)
        third.start()
        up = {"invoker0/one": "down", "invoker1/two": "up", "invoker2/three": "up"}
        second.wait_until(lambda: second.invokers() == up, f"{up}", 40)
        replies = [second.invoke("quick", {"n": n}) for n in range(5)]
        assert [reply.json["response"]["result"]["n"] for reply in replies] == list(range(5))
