"""Numbered scenarios that need functions which really run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.nodes import LIMITS, LiveNode


@pytest.mark.scenario("I19")
def test_a_call_over_its_time_limit(node: LiveNode) -> None:
    sleep = "import time\ntime.sleep(60)\n"
    node.deploy(
        "i19-run", f"def main(args):\n    import time\n    time.sleep(60)\n    return {sleep and {}}", timeout=300
    )
    node.deploy("i19-init", f"{sleep}def main(args):\n    return {{}}", timeout=300)
    for name, end in (("i19-run", "."), ("i19-init", " during initialization.")):
        reply = node.invoke(name)
        assert (reply.status, reply.json["response"]["status"]) == (502, "action developer error")
        text = f"The action exceeded its time limits of 300 milliseconds{end}"
        assert reply.json["response"]["result"]["error"] == text


@pytest.mark.scenario("I20")
def test_a_function_that_exits(node: LiveNode) -> None:
    node.deploy("i20-run", "import os\ndef main(args):\n    os._exit(1)")
    node.deploy("i20-init", "import os\nos._exit(1)")
    for name, text in (
        (
            "i20-run",
            "The action did not produce a valid response and exited unexpectedly. Its process ended with exit code 1.",
        ),
        ("i20-init", "The action did not initialize and exited unexpectedly. Its process ended with exit code 1."),
    ):
        reply = node.invoke(name)
        assert (reply.status, reply.json["response"]["status"]) == (502, "action developer error")
        assert reply.json["response"]["result"]["error"] == text


@pytest.mark.scenario("I23")
@pytest.mark.parametrize("wanted", [True, False])
def test_the_key_is_given_to_actions_that_ask_for_it(node: LiveNode, wanted: bool) -> None:
    code = "from os import environ as e\ndef main(args):\n    return [e.get('__OW_API_KEY'), e['__OW_NAMESPACE']]"
    body = {
        "exec": {"kind": "python:default", "code": code},
        "annotations": [{"key": "provide-api-key", "value": wanted}],
    }
    assert node.api("PUT", "/actions/i23?overwrite=true", body).status == 200
    seen = node.invoke("i23", query="blocking=true&result=true").json
    assert (bool(seen[0]), seen[1]) == (wanted, "guest")


@pytest.mark.scenario("I24")
def test_a_result_beyond_the_limit(node: LiveNode) -> None:
    node.deploy("i24", "def main(args):\n    return {'x': 'y' * 1048577}")
    reply = node.invoke("i24")
    assert (reply.status, reply.json["response"]["status"]) == (502, "application error")
    text = reply.json["response"]["result"]["error"]
    assert text.startswith("The action produced a response that exceeded the allowed length: 1048586 > 1048576 bytes.")


@pytest.fixture
def sparing() -> Iterator[LiveNode]:
    """A node that keeps the records of failures only, of calls that somebody waited for."""
    with LiveNode("--set", "controller.store_blocking_results=failures", limits=LIMITS) as live:
        yield live


@pytest.mark.scenario("I26")
def test_only_failures_are_kept_unless_the_caller_asks_for_more(sparing: LiveNode) -> None:
    sparing.deploy("fine", "def main(args):\n    return {}")
    sparing.deploy("bad", "def main(args):\n    return {'error': 'x'}")
    kept = sparing.invoke("bad").json["activationId"]
    on = {"X-OW-EXTRA-LOGGING": "on"}
    wanted = sparing.api("POST", "/actions/fine?blocking=true", {}, headers=on).json["activationId"]
    dropped = sparing.invoke("fine").json["activationId"]
    later = sparing.invoke("bad").json["activationId"]
    assert [sparing.record(each)["activationId"] for each in (kept, wanted, later)] == [kept, wanted, later]
    assert sparing.api("GET", f"/activations/{dropped}").status == 404


@pytest.mark.scenario("K03")
def test_what_was_made_is_there_after_a_restart(tmp_path: Path) -> None:
    live = LiveNode(folder=tmp_path)
    with live:
        live.deploy("k03", "def main(args):\n    return {}")
        called = live.invoke("k03").json["activationId"]
        before = live.api("GET", "/actions/k03").json
        live.record(called)
    with live:
        assert live.api("GET", "/actions/k03").json == before
        assert live.record(called)["activationId"] == called
        assert live.invoke("k03").status == 200
