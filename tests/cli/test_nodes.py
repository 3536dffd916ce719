"""`owactors nodes`, `drain`, `enable`, `disable` against a controller that answers as it is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from owactors.cli.failure import NO_NODE, NODE_ERROR, NOT_FINISHED, USAGE
from owactors.node.cluster import operators_key
from tests.cli.conftest import Run
from tests.cli.fakenode import Asked, FakeNode


def host(name: str, state: str, *roles: tuple[str, str, str, int], **more: Any) -> dict[str, Any]:
    shown = [
        {"role": role, "state": own, "health": health, "load": load, "boot": "x", "lastSeen": 0.4}
        for role, own, health, load in roles
    ]
    about = {"memory": {"total": 2000, "used": 500}, "version": "0.1.0", "code": "abc", "differs": False}
    return {"name": name, "state": state, "roles": shown, **about, "lastSeen": 0.4, "address": "", **more}


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    file = tmp_path / "cluster.key"
    file.write_bytes(b"k" * 32)
    file.chmod(0o600)
    return file


def answers(node: FakeNode, method: str, path: str, *replies: tuple[int, Any]) -> None:
    node.replies[method, f"/owactors/v1/{path}"] = list(replies)


HOSTS = [
    host("a", "enabled", ("controllera", "enabled", "", 7), ("invoker0", "enabled", "up", 3)),
    host("b", "unhealthy", ("invoker1", "unhealthy", "unhealthy", 0), code="def", differs=True),
    host("c", "offline", ("controllerc", "stopped", "", 0), ("invoker2", "offline", "down", 0), lastSeen=70.2),
]


def test_the_hosts_are_shown_as_a_table_and_as_json(run: Run, node: FakeNode, secret: Path) -> None:
    answers(node, "GET", "nodes", (200, {"nodes": HOSTS, "code": "abc"}))
    shown = run("nodes", "--secret-file", secret, node=node)
    assert shown.exit_code == 0
    lines = [line.split() for line in shown.stdout.splitlines()]
    assert lines[0] == ["HOST", "STATE", "ROLES", "HEALTH", "LOAD", "MEMORY", "VERSION", "CODE", "SEEN"]
    assert " ".join(lines[1]) == "a enabled controllera,invoker0 up 3 500/2000 MB 0.1.0 abc 0 s ago"
    assert "def*" in lines[2]
    assert "controllerc (stopped),invoker2" in shown.stdout
    assert "70 s ago" in shown.stdout
    assert json.loads(run("nodes", "--json", "--secret-file", secret, node=node).stdout) == HOSTS
    assert {asked.authorization for asked in node.asked} == {f"Bearer {operators_key(secret)}"}


def test_a_host_that_has_said_nothing_yet_is_shown(run: Run, node: FakeNode, secret: Path) -> None:
    answers(node, "GET", "nodes", (200, {"nodes": [host("d", "joining", differs=True)], "code": "abc"}))
    shown = run("nodes", "--secret-file", secret, node=node).stdout.splitlines()
    assert shown[1].split() == ["d", "joining", "-", "-", "-", "-", "-", "-", "0", "s", "ago"]


def test_orders_go_to_the_controller(run: Run, node: FakeNode, secret: Path) -> None:
    for order in ("drain", "disable", "enable"):
        answers(node, "POST", f"nodes/a%2Fb/{order}", (200, {"name": "a/b"}))
        assert run(order, "a/b", "--secret-file", secret, node=node).exit_code == 0
    assert [asked.path.rpartition("/")[2] for asked in node.asked] == ["drain", "disable", "enable"]


def test_a_drain_waits_until_nothing_runs(run: Run, node: FakeNode, secret: Path) -> None:
    states = ["draining", "draining", "drained"]
    answers(node, "POST", "nodes/a/drain", (200, {}))

    def view(asked: Asked) -> tuple[int, Any]:
        state = states.pop(0) if len(states) > 1 else states[0]
        return 200, {"nodes": [host("a", state, ("invoker0", state, "down", 2))]}

    node.replies["GET", "/owactors/v1/nodes"] = view
    done = run("drain", "a", "--wait", "--secret-file", secret, node=node)
    assert (done.exit_code, done.stderr) == (0, "ok: a is drained.\n")
    assert states == ["drained"]


def test_a_drain_that_takes_too_long_says_what_runs(run: Run, node: FakeNode, secret: Path) -> None:
    answers(node, "POST", "nodes/a/drain", (200, {}))
    answers(node, "GET", "nodes", (200, {"nodes": [host("a", "draining", ("invoker0", "draining", "down", 2))]}))
    done = run("drain", "a", "--wait", "--timeout", "0.1", "--secret-file", secret, node=node)
    assert done.exit_code == NOT_FINISHED
    assert "2 calls run there" in done.stderr


def test_what_is_wrong_is_said_with_the_next_step(run: Run, node: FakeNode, secret: Path, tmp_path: Path) -> None:
    alone = run("nodes")
    assert alone.exit_code == NO_NODE
    assert "--apihost" in alone.stderr
    missing = run("nodes", "--secret-file", tmp_path / "none", node=node)
    assert missing.exit_code == USAGE
    assert "there is no secret file" in missing.stderr
    secret.chmod(0o644)
    loose = run("nodes", "--secret-file", secret, node=node)
    assert loose.exit_code == USAGE
    assert "must have mode 0600" in loose.stderr
    secret.chmod(0o600)
    answers(node, "POST", "nodes/zzz/enable", (404, {"error": "There is no host zzz; hosts with an invoker: a."}))
    unknown = run("enable", "zzz", "--secret-file", secret, node=node)
    assert unknown.exit_code == NODE_ERROR
    assert "There is no host zzz; hosts with an invoker: a." in unknown.stderr


@pytest.mark.parametrize("command", ["node", "nodes", "drain", "enable", "disable"])
def test_each_command_explains_itself(run: Run, command: str) -> None:
    shown = run(command, "--help")
    assert shown.exit_code == 0
    assert len(shown.stdout.splitlines()) > 8
