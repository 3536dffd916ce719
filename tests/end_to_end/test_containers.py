"""What containers tell about themselves, through a whole node: memory, ends, logs of overlapping calls, figures."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from owactors.core.response import ABNORMAL_RUN, MEMORY_EXHAUSTED
from tests.end_to_end.nodes import LiveNode
from tests.end_to_end.starts import meets_a_resized_container

AT_ONCE = 4


@pytest.fixture(scope="module")
def overlapping() -> Iterator[LiveNode]:
    """A node that allows several calls at once in a container."""
    options = ("--set", f"limits.concurrency_max={AT_ONCE}", "--set", "containers.prewarm=false")
    options += ("--set", "containers.idle_container=3 s")
    with LiveNode(*options) as live:
        yield live


def texts(lines: list[str]) -> list[str]:
    """Log lines without their time."""
    return [line[31:] for line in lines]


def containers(node: LiveNode) -> set[str]:
    """The folders of its sandboxes: one goes when all its processes have gone."""
    return {path.name for path in node.data.glob("sandboxes/*/*") if path.name.isdigit()}


def test_memory_is_named(node: LiveNode) -> None:
    node.deploy("hungry", "def main(args):\n    kept = [bytearray(b'x' * 2**20) for _ in range(600)]\n    return {}")
    reply = node.invoke("hungry")
    text = reply.json["response"]["result"]["error"]
    assert reply.status == 502
    assert text.startswith(MEMORY_EXHAUSTED)
    assert text.endswith("may use 256 MB.")


def test_the_end_of_the_process_is_in_the_log(node: LiveNode) -> None:
    node.deploy("leaver", "import os\ndef main(args):\n    print('going')\n    os._exit(3)")
    reply = node.invoke("leaver")
    assert reply.json["response"]["result"]["error"] == f"{ABNORMAL_RUN} Its process ended with exit code 3."
    logs = texts(node.record(reply.json["activationId"])["logs"])
    assert logs[:2] == ["stdout: going", "stderr: The process of the action ended with exit code 3."]


def test_overlapping_calls_have_logs_of_their_own(overlapping: LiveNode) -> None:
    code = """
import threading, time
together = threading.Barrier(4, timeout=30)
def main(args):
    if args['n'] >= 0:
        together.wait()
    for i in range(3):
        print('call', args['n'], 'line', i)
        time.sleep(0.02)
    return {'n': args['n']}
"""
    body = {"exec": {"kind": "python:default", "code": code}, "limits": {"concurrency": AT_ONCE}}
    assert overlapping.api("PUT", "/actions/together?overwrite=true", body).status == 200
    overlapping.invoke("together", {"n": -1})
    with ThreadPoolExecutor(AT_ONCE) as pool:
        replies = list(pool.map(lambda n: overlapping.invoke("together", {"n": n}), range(AT_ONCE)))
    for n, reply in enumerate(replies):
        assert reply.json["response"]["result"] == {"n": n}, reply.json
        logs = texts(overlapping.record(reply.json["activationId"])["logs"])
        assert logs == [f"stdout: call {n} line {i}" for i in range(3)]


def test_one_of_two_overlapping_calls_is_over_its_time(overlapping: LiveNode) -> None:
    """The other goes on and ends well, no third enters the container, and with the other ends what did not stop."""
    code = """
import time, uuid
ME = uuid.uuid4().hex
def main(args):
    while args['spins']:
        pass
    time.sleep(args['seconds'])
    return {'me': ME}
"""
    limits = {"concurrency": AT_ONCE, "timeout": 6000}
    body = {"exec": {"kind": "python:default", "code": code}, "limits": limits}
    assert overlapping.api("PUT", "/actions/spinner?overwrite=true", body).status == 200

    def call(spins: bool, seconds: float) -> Any:
        return overlapping.invoke("spinner", {"spins": spins, "seconds": seconds}).json["response"]["result"]

    before = containers(overlapping)
    first = call(False, 0)["me"]
    (container,) = containers(overlapping) - before
    with ThreadPoolExecutor(2) as pool:
        spinning = pool.submit(call, True, 0)
        time.sleep(3)
        other = pool.submit(call, False, 3.5)
        assert "exceeded its time limits" in spinning.result()["error"]
        third = call(False, 0)["me"]
        assert other.result() == {"me": first}
    assert third != first
    overlapping.wait_until(lambda: container not in containers(overlapping), "has ended what spins", 30)


def test_each_phase_is_in_the_figures(overlapping: LiveNode) -> None:
    overlapping.deploy("phases", "def main(args):\n    return {}")
    assert overlapping.invoke("phases").status == 200

    def missing() -> list[str]:
        figures = overlapping.request("GET", "/metrics").body.decode().splitlines()
        lines = [line for line in figures if "container_phase" in line]
        phases = ("wait", "create", "start", "ready", "init", "run")
        return [phase for phase in phases if not any(f'phase="{phase}"' in line for line in lines)]

    # The invoker's process reports its figures from time to time.
    overlapping.wait_until(lambda: not missing(), "shows every phase", 60)


def test_a_record_says_where_the_time_of_a_warm_call_went(node: LiveNode) -> None:
    node.deploy("again", "def main(args):\n    return {}", memory=128)
    parts = []
    for _ in range(2):
        record = node.record(node.invoke("again").json["activationId"])
        parts.append(next(note["value"] for note in record["annotations"] if note["key"] == "phases"))
    assert {"wait", "init", "run"} <= parts[0].keys()
    assert list(parts[1]) == ["wait", "run"]


def test_an_action_reaches_the_api_and_the_world_but_nothing_else_that_listens_here(overlapping: LiveNode) -> None:
    """Where the guard works; the report at the start says whether it does. It refuses at once where the kernel can."""
    code = """
import os, socket, urllib.request
def main(args):
    pong = urllib.request.urlopen(os.environ['__OW_API_HOST'] + '/ping', timeout=30).read().decode()
    try:
        socket.create_connection(('127.0.0.1', args['port']), 2).close()
        return {'api': pong, 'other': 'reached'}
    except (PermissionError, TimeoutError):
        return {'api': pong, 'other': 'no way'}
"""
    overlapping.deploy("neighbourly", code)
    with socket.create_server(("127.0.0.1", 0)) as store:
        reply = overlapping.invoke("neighbourly", {"port": store.getsockname()[1]})

    def report() -> str:
        return overlapping.log.read_text().partition("protection network: ")[2]

    overlapping.wait_until(report, "has said how its sandboxes are protected", 60)
    guarded = report().startswith("on (")
    assert reply.json["response"]["result"] == {"api": "pong", "other": "no way" if guarded else "reached"}


def test_an_idle_container_goes_when_its_time_is_over(overlapping: LiveNode) -> None:
    overlapping.deploy("idler", "def main(args):\n    return {}")
    assert overlapping.invoke("idler").status == 200

    overlapping.wait_until(lambda: not containers(overlapping), "has no container left", 60)


@pytest.mark.parametrize("memory", [128, 512])
def test_a_prewarmed_container_serves_an_action_of_another_size(node: LiveNode, memory: int) -> None:
    meets_a_resized_container(node, memory)
