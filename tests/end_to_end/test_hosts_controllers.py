"""Two hosts with a controller each, without Kafka and without CouchDB: the second uses the documents of the first."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.end_to_end.livehosts import FirstHost, SecondHost, as_json
from tests.end_to_end.nodes import LiveNode, Reply
from tests.end_to_end.telling import TELLING, told

pytestmark = pytest.mark.timeout(240)
Pair = tuple[FirstHost, SecondHost]
#: what was never sent to an invoker ends, once its controller is back, within five seconds
SHORT = ("--set", "limits.time_max=4 s", "--set", "limits.time_default=4 s", "--set", "controller.timeout_addon=1 s")
HOST = ("--set", "containers.user_memory=1 GB")
SAYS = "def main(args):\n    return {'says': %r, **args}"
KNOWN = "import time\ndef main(args):\n    time.sleep(args.get('seconds', 0))\n    return {'n': args['n']}"
BOTH = {"invoker0/one": "up", "invoker1/two": "up"}


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    first = FirstHost("one", *SHORT, "--set", "controller.timeout_factor=1", *HOST)
    try:
        first.start()
        second = first.joining_with_controller("two", *HOST)
        first.others = second.others = lambda: [first, second]
        try:
            second.start()
            for each in (first, second):
                each.wait_for(40, **BOTH)
            yield first, second
        finally:
            second.close()
    finally:
        first.close()


def says(node: LiveNode, name: str = "shared") -> Any:
    reply = node.invoke(name, {"n": 1})
    return reply.json["response"]["result"] if reply.status == 200 else reply.status


def test_what_is_created_on_one_is_called_on_the_other_and_changes_are_seen(pair: Pair) -> None:
    first, second = pair
    for here, there in (pair, (second, first)):
        here.deploy("shared", SAYS % "before")
        assert says(there) == says(here) == {"says": "before", "n": 1}
        here.deploy("shared", SAYS % "after")
        there.wait_until(lambda there=there: says(there) == {"says": "after", "n": 1}, "the other one knows")
        assert here.api("DELETE", "/actions/shared").status == 200
        there.wait_until(lambda there=there: says(there) == 404, "the other one knows that it is gone")
    listed = [[one["name"] for one in each.api("GET", "/actions").json] for each in pair]
    assert listed[0] == listed[1]


def test_every_kind_of_document_is_the_same_on_both(pair: Pair) -> None:
    first, second = pair
    code = base64.b64encode(b"x" * 3_000_000).decode()
    body = {"exec": {"kind": "python:3", "code": code, "binary": True}}
    assert second.api("PUT", "/actions/large", body).status == 200
    assert first.api("GET", "/actions/large").json["exec"]["code"] == code
    assert first.api("PUT", "/packages/things", {"parameters": [{"key": "p", "value": 1}]}).status == 200
    assert (
        second.api("PUT", "/actions/things/inside", {"exec": {"kind": "python:3", "code": SAYS % "in"}}).status == 200
    )
    assert says(first, "things/inside") == {"says": "in", "p": 1, "n": 1}
    assert second.api("PUT", "/triggers/bell", {}).status == 200
    assert first.api("PUT", "/rules/ring", {"trigger": "/_/bell", "action": "/_/things/inside"}).status == 200
    fired = second.api("POST", "/triggers/bell", {"loud": True})
    assert fired.status == 202, fired.body
    trigger = first.record(fired.json["activationId"])
    rang = first.record(json.loads(trigger["logs"][0])["activationId"])
    assert rang["response"]["result"].items() >= {"says": "in", "p": 1, "loud": True}.items()
    counted = [each.api("GET", "/activations?count=true&name=things/inside").json for each in pair]
    assert counted[0] == counted[1]


def test_subjects_of_one_may_call_the_other(pair: Pair) -> None:
    _, second = pair
    command = [sys.executable, "-m", "owactors.cli", "user", "-d", str(second.data), "create", "mirabelle", "--json"]
    made = as_json(subprocess.run(command, capture_output=True, text=True, timeout=60))
    for each in pair:
        assert each.request("GET", "/api/v1/namespaces", auth=f"{made['uuid']}:{made['key']}").json == ["mirabelle"]


def hints(first: FirstHost, what: str) -> int:
    """How often the first host has heard this of the second one's actor system."""
    return first.log.read_text(errors="replace").count(f"host two {what}")


def accepted(node: LiveNode, count: int, url: str, seconds: float) -> list[str]:
    def call(_: int) -> Reply:
        return node.invoke("telling", {"url": url, "seconds": seconds}, "blocking=false")

    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(call, range(count)))
    assert {reply.status for reply in replies} == {202}
    return [reply.json["activationId"] for reply in replies]


def test_the_second_host_dies_and_callers_go_on_with_the_first(pair: Pair) -> None:
    first, second = pair
    first.deploy("telling", TELLING)
    with told() as (url, runs):
        ids = accepted(second, 6, url, 0.5)
        before = hints(first, "joined")
        second.kill_all()
        assert first.invoke("telling", {"url": url}).status == 200
        first.wait_until(lambda: hints(first, "may have left"), "the actor systems say that it left")
        first.wait_until(lambda: first.invokers() == {**BOTH, "invoker1/two": "down"}, "its death is noticed", 40)
        second.start()
        for each in pair:
            each.wait_for(40, **BOTH)
        first.wait_until(lambda: hints(first, "joined") > before, "the actor systems say that it is back")
        for each in ids:
            response = first.record(each, 60)["response"]
            assert runs[each] in how_often(response), (each, response)


def ran_there(second: SecondHost, name: str) -> bool:
    """Calls it several times at once: one of them comes to the second host, whose invoker knows the action then."""
    with ThreadPoolExecutor(6) as pool:
        replies = list(pool.map(lambda n: second.invoke(name, {"n": n, "seconds": 0.3}), range(6)))
    log = second.log.read_text(errors="replace")
    return any(f"{reply.json['activationId']} [marker:invoker_activation_start" in log for reply in replies)


def test_while_the_first_host_is_away_the_second_goes_on_with_what_it_knows(pair: Pair) -> None:
    first, second = pair
    first.deploy("telling", TELLING)
    first.deploy("known", KNOWN)
    second.wait_until(lambda: ran_there(second, "known"), "its invoker knows the action")
    with told() as (url, runs):
        of_first, of_second = accepted(first, 6, url, 0.5), accepted(second, 6, url, 0.5)
        before = hints(first, "joined")
        first.kill_all()
        second.wait_until(
            lambda: second.invoke("known", {"n": 0}, "blocking=false").status == 503, "that it is away is known"
        )
        refused = second.invoke("known", {"n": 0}, "blocking=false")
        assert "the documents are in the host of controller one, which does not answer" in refused.json["error"]
        assert second.api("GET", "/actions/never").status == 503
        second.wait_until(lambda: says(second, "known") == {"n": 1}, "what it knows is called", 40)
        kept = second.invoke("known", {"n": 2}).json["activationId"]
        first.start()
        for each in pair:
            each.wait_for(40, **BOTH)
        second.wait_until(lambda: second.invoke("known", {"n": 0}, "blocking=false").status == 202, "it is well again")
        first.wait_until(lambda: hints(first, "joined") > before, "the second one has joined its new actor system")
        assert first.record(kept, 60)["response"]["result"]["n"] == 2
        ended = {each: first.record(each, 90)["response"] for each in (*of_first, *of_second)}
        for each, response in ended.items():
            assert runs[each] in how_often(response), (each, response)


def how_often(response: Any) -> tuple[int, ...]:
    """How often an activation may have run that ended so: what its answer says is true."""
    error = "" if response["status"] == "success" else response["result"]["error"]
    if not error:
        return (1,)
    return (0,) if "It has not run" in error else (0, 1) if "It may have run." in error else ()
