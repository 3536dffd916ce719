"""What a node tells beside its records: the story of a call, and records as they come."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.nodes import GUEST, LiveNode
from tests.rest.replay.talking import authorization

HELLO = "def main(args):\n    print('hello')\n    return {'n': args.get('n')}"


def owactors(node: LiveNode, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OWACTORS_APIHOST": node.url, "OWACTORS_AUTH": GUEST}
    command = [sys.executable, "-m", "owactors.cli", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_the_story_of_a_cold_and_of_a_warm_call(node: LiveNode) -> None:
    node.deploy("told", HELLO)
    cold, warm = (node.invoke("told").json["activationId"] for _ in range(2))
    for activation_id, state in ((cold, "cold"), (warm, "warm")):
        node.record(activation_id)
        shown = node.api("GET", f"/activations/{activation_id}/explain").json
        assert (shown["ended"], shown["status"], shown["namespace"]) == (True, "success", "guest")
        told = [f"{step['who']}: {step['what']}" for step in shown["steps"]]
        for words in (
            "controller: guest/told@",
            "load balancer: sent to invoker0",
            "invoker: came to",
            "pool: given to container",
            f"which is {state}" if state == "warm" else "container: /init ended: 200",
            "container: /run ended: 200",
            "1 lines of logs",
            "invoker: the record goes to the store",
            "record: ended after",
        ):
            assert any(words in step for step in told), (words, told)
        times = [step["after"] for step in shown["steps"]]
        assert times == sorted(times)
        assert times[0] == 0


def test_the_command(node: LiveNode) -> None:
    node.deploy("told-failing", "def main(args):\n    return {'error': 'sold out'}")
    called = node.invoke("told-failing").json["activationId"]
    node.record(called)
    done = owactors(node, "explain", called)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{called} told-failing: application error\n")
    assert "application error: sold out" in done.stdout
    assert json.loads(owactors(node, "explain", called, "--json").stdout)["activationId"] == called
    assert owactors(node, "explain", "0" * 32).returncode == 3


@pytest.fixture
def stream(node: LiveNode) -> Iterator[http.client.HTTPResponse]:
    """The records of the action `followed`, from now on."""
    connection = http.client.HTTPConnection("127.0.0.1", node.port, timeout=60)
    headers = {"Authorization": str(authorization("user", GUEST)), "Accept": "text/event-stream"}
    connection.request("GET", "/api/v1/namespaces/_/activations/follow?name=followed", headers=headers)
    answer = connection.getresponse()
    assert (answer.status, answer.getheader("Content-Type")) == (200, "text/event-stream")
    assert answer.readline() == b": records follow\n"
    yield answer
    connection.close()


def data_of(answer: http.client.HTTPResponse) -> Any:
    while not (line := answer.readline()).startswith(b"data:"):
        assert line
    return json.loads(line[5:])


def test_records_are_seen_as_they_come(node: LiveNode, stream: http.client.HTTPResponse) -> None:
    node.deploy("followed", HELLO)
    node.deploy("not-followed", HELLO)
    for number in range(3):
        node.invoke("not-followed")
        called = node.invoke("followed", {"n": number}, "blocking=false").json["activationId"]
        record = data_of(stream)
        assert (record["activationId"], record["response"]["result"]) == (called, {"n": number})
        assert record["logs"][0].endswith("stdout: hello")


def test_following_with_the_command(node: LiveNode, tmp_path: Path) -> None:
    node.deploy("tail", HELLO)
    environment = {**os.environ, "OWACTORS_APIHOST": node.url, "OWACTORS_AUTH": GUEST}
    command = [sys.executable, "-m", "owactors.cli", "logs", "tail", "--follow", "--strip"]
    out, err = tmp_path / "out", tmp_path / "err"
    with out.open("w") as stdout, err.open("w") as stderr:
        tail = subprocess.Popen(command, env=environment, stdout=stdout, stderr=stderr)
    try:
        node.wait_until(lambda: "waiting for calls" in err.read_text(), "the command waits")
        called = [node.invoke("tail").json["activationId"] for _ in range(2)]
        node.wait_until(lambda: len(out.read_text().splitlines()) == 4, "both calls are shown")
    finally:
        tail.kill()
        tail.wait()
    assert out.read_text().splitlines() == [f"-- tail {called[0]}", "hello", f"-- tail {called[1]}", "hello"]


def test_a_node_stops_though_somebody_follows() -> None:
    with LiveNode() as live:
        connection = http.client.HTTPConnection("127.0.0.1", live.port, timeout=60)
        headers = {"Authorization": str(authorization("user", GUEST))}
        connection.request("GET", "/api/v1/namespaces/_/activations/follow", headers=headers)
        answer = connection.getresponse()
        assert answer.readline() == b": records follow\n"
        assert live.stop() == 0
        answer.read()
        connection.close()
