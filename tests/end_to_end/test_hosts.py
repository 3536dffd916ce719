"""Hosts that join a cluster with one command: seen, drained, killed, doubled."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from owactors.actor.journalinginvoker import LOST
from tests.end_to_end.livehosts import FirstHost, JoinedHost, as_json, hosts
from tests.end_to_end.telling import TELLING, told
from tests.end_to_end.test_hurt import listening

pytestmark = pytest.mark.timeout(240)
Pair = tuple[FirstHost, JoinedHost]
Runs = tuple[str, Counter[str]]


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    with hosts("one", "two", options=("--set", "containers.user_memory=256 MB")) as (first, [second]):
        yield first, second


def test_a_host_that_joins_is_seen_and_gets_calls_and_learns_what_it_must_know(pair: Pair) -> None:
    first, second = pair
    first.deploy("where", "import time\ndef main(args):\n    time.sleep(0.3)\n    return args")
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda n: first.invoke("where", {"n": n}), range(12)))
    assert [reply.json["response"]["result"]["n"] for reply in replies] == list(range(12))
    assert any(second.ran(reply.json["activationId"]) for reply in replies)
    assert all(first.record(reply.json["activationId"])["logs"] == [] for reply in replies)
    found = {host["name"]: host for host in as_json(first.command("nodes", "--json"))}
    assert [role["role"] for role in found["one"]["roles"]] == ["controllerone", "invoker0"]
    assert [role["role"] for role in found["two"]["roles"]] == ["invoker1"]
    for host in found.values():
        assert (host["state"], host["roles"][-1]["health"]) == ("enabled", "up")
        assert 0 < host["memory"]["used"] < host["memory"]["total"]
        assert host["lastSeen"] < 5
    table = first.command("nodes").stdout.splitlines()
    assert table[0].split()[:3] == ["HOST", "STATE", "ROLES"]
    assert [line.split()[:2] for line in table[1:]] == [["one", "enabled"], ["two", "enabled"]]


def test_a_drained_host_finishes_what_it_has_and_gets_nothing_more_also_after_its_restart(pair: Pair) -> None:
    first, second = pair
    first.deploy("slow", "import time\ndef main(args):\n    time.sleep(2.5)\n    return args")
    with ThreadPoolExecutor(4) as pool:
        running = [pool.submit(first.invoke, "slow", {"n": n}) for n in range(4)]
        first.wait_until(lambda: first.nodes()["two"]["roles"][0]["load"] > 0, "calls on both")
        assert first.command("drain", "two", "--wait", "--timeout", "60").returncode == 0
        assert first.states() == {"one": "enabled", "two": "drained"}
        replies = [each.result() for each in running]
    assert [reply.status for reply in replies] == [200] * 4
    assert any(second.ran(reply.json["activationId"]) for reply in replies)
    reply = first.invoke("where", {"n": 1})
    assert (reply.status, second.ran(reply.json["activationId"])) == (200, False)
    assert second.stop() == 0
    first.wait_for_states(one="enabled", two="stopped")
    second.launch()
    first.wait_for_states(one="enabled", two="drained")
    assert first.command("enable", "two").returncode == 0
    first.wait_for_all_up(2)
    first.wait_for_states(one="enabled", two="enabled")


def test_who_is_not_there_cannot_be_drained_and_a_name_is_taken_once(pair: Pair) -> None:
    first, _ = pair
    refused = first.command("drain", "three")
    assert refused.returncode != 0
    assert "There is no host three; hosts with an invoker: one, two." in refused.stderr
    twin = first.joining("two")
    try:
        twin.launch()
        assert twin.process is not None
        assert twin.process.wait(40) == 1
        assert "a host named two is in the cluster already" in twin.log_text()
    finally:
        twin.close()
    assert first.states() == {"one": "enabled", "two": "enabled"}


def test_without_the_secret_nobody_joins(pair: Pair) -> None:
    first, _ = pair
    stranger = JoinedHost("--join", first.bus, "--name", "stranger")
    try:
        stranger.launch()
        assert stranger.process is not None
        assert stranger.process.wait(40) == 1
        assert "there is no secret file" in stranger.log_text()
    finally:
        stranger.close()


@pytest.fixture(scope="module")
def runs(pair: Pair) -> Iterator[tuple[str, Counter[str]]]:
    """Where actions say that they run, and how often each activation did."""
    pair[0].deploy("telling", TELLING)
    with told() as (url, counted):
        yield url, counted


def accepted(first: FirstHost, count: int, url: str, seconds: float) -> list[str]:
    """Calls that nobody waits for."""
    body = {"url": url, "seconds": seconds}
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: first.invoke("telling", body, "blocking=false"), range(count)))
    assert [reply.status for reply in replies] == [202] * count
    return [reply.json["activationId"] for reply in replies]


def errors(first: FirstHost, ids: list[str]) -> dict[str, str]:
    """Of those that did not succeed, once each has its record."""
    responses = {each: first.record(each, 90)["response"] for each in ids}
    return {each: found["result"]["error"] for each, found in responses.items() if found["status"] != "success"}


def test_the_controller_s_process_dies_and_the_hosts_go_on(pair: Pair) -> None:
    first, _ = pair
    before = listening(first)
    os.kill(before, signal.SIGKILL)
    first.wait_until(first._answers, "it serves again")
    first.wait_for_all_up(2)
    assert first.invoke("where", {"n": 5}).json["response"]["result"] == {"n": 5}


def test_what_an_invoker_had_not_begun_when_it_died_runs_in_the_next(pair: Pair, runs: Runs) -> None:
    first, second = pair
    url, counted = runs
    ids = accepted(first, 16, url, 1.0)
    first.wait_until(lambda: first.nodes()["two"]["roles"][0]["load"] > 1, "more than it can run at a time")
    os.kill(second.role_process(), signal.SIGKILL)
    lost = errors(first, ids)
    assert set(lost.values()) <= {LOST}
    assert len(lost) < len(ids) / 2, "only what ran, or had run a moment before"
    assert {counted[each] for each in ids} == {1}
    first.wait_for_all_up(2)


def test_what_waits_for_a_host_that_dies_runs_elsewhere_and_once(pair: Pair, runs: Runs) -> None:
    first, second = pair
    url, counted = runs
    ids = accepted(first, 30, url, 0.5)
    second.kill_all()
    lost = errors(first, ids)
    assert all("It may have run." in error for error in lost.values())
    assert len([each for each in lost if not counted[each]]) <= 6, "what it had taken and not begun: a few in advance"
    first.wait_for_states(one="enabled", two="offline")
    second.start()
    first.wait_for_all_up(2)
    reply = first.invoke("where", {"n": 1})
    assert reply.status == 200
    assert max(counted[each] for each in ids) == 1
    assert all(counted[each] == 1 for each in ids if each not in lost)


def test_an_invoker_whose_number_another_host_has_ends_and_says_so(pair: Pair) -> None:
    first, second = pair
    thief = first.joining("thief", "--set", "invoker.id=1")
    try:
        thief.start()
        assert second.process is not None
        assert second.process.wait(60) == 1
        assert "invoker1 was started on host thief, too" in second.log_text()
        first.wait_until(lambda: first.states()["two"] == "replaced", "two is replaced")
        first.wait_for_all_up(2)
        first.deploy("quick", "def main(args):\n    return args")
        assert first.invoke("quick", {"n": 1}).status == 200
    finally:
        thief.close()
