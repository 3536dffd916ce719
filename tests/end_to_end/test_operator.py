"""The operator of a running node: its status, and subjects that are made, limited and blocked while it runs."""

import json
import os
import subprocess
import sys

from tests.end_to_end.nodes import LiveNode


def command(node: LiveNode, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OWACTORS_NODE_DATA_DIR": str(node.data)}
    return subprocess.run(
        [sys.executable, "-m", "owactors.cli", *words], capture_output=True, text=True, env=environment, timeout=60
    )


def test_status(node: LiveNode) -> None:
    shown = command(node, "status", "--json")
    assert shown.returncode == 0, shown.stderr
    status = json.loads(shown.stdout)
    assert status["invokers"] == {"invoker0": "up"}
    assert status["store"]["trouble"] is None
    assert "invoker0 up" in command(node, "status").stdout


def test_a_subject_made_while_the_node_runs_may_call_at_once_and_no_more_when_blocked(node: LiveNode) -> None:
    key = command(node, "user", "create", "ada-lovelace").stdout.strip()
    assert ":" in key
    assert node.request("GET", "/api/v1/namespaces", auth=key).json == ["ada-lovelace"]
    put = node.request(
        "PUT", "/api/v1/namespaces/_/actions/mine", {"exec": {"kind": "python:3", "code": "x"}}, auth=key
    )
    assert put.status == 200
    assert node.request("GET", "/api/v1/namespaces/ada-lovelace/actions/mine").status == 403
    assert command(node, "user", "block", "ada-lovelace").returncode == 0
    assert node.request("GET", "/api/v1/namespaces", auth=key).status == 401
    assert command(node, "user", "unblock", "ada-lovelace").returncode == 0
    assert node.request("GET", "/api/v1/namespaces", auth=key).status == 200
    assert command(node, "user", "delete", "ada-lovelace").returncode == 0
    assert node.request("GET", "/api/v1/namespaces", auth=key).status == 401


def test_the_operators_routes_need_the_key_in_the_data_folder(node: LiveNode) -> None:
    assert node.request("GET", "/owactors/v1/status").status == 401
    key = (node.data / "admin.key").read_text()
    assert (node.data / "admin.key").stat().st_mode & 0o777 == 0o600
    bearer = {"Authorization": f"Bearer {key}"}
    assert node.request("GET", "/owactors/v1/status", auth=None, headers=bearer).status == 200
    assert node.request("GET", "/owactors/v1/other", auth=None, headers=bearer).status == 404
    for body in (b"", b"[]", b'{"method": "close"}', b'{"method": "get", "arguments": {"x": 1}}'):
        assert node.request("POST", "/owactors/v1/subjects", body, auth=None, headers=bearer).status == 400


def test_without_a_node_the_status_says_what_to_do(node: LiveNode, tmp_path: object) -> None:
    shown = command(node, "status", "--data-dir", str(tmp_path))
    assert shown.returncode != 0
    assert "owactors standalone" in shown.stderr


def test_a_throttled_caller_is_told_the_figures_and_when_to_come_again() -> None:
    with LiveNode("--set", "containers.prewarm=false", limits={"LIMITS_ACTIONS_INVOKES_PERMINUTE": "1"}) as node:
        node.deploy("hello", "def main(args):\n    return {}")
        refused = [reply for reply in (node.invoke("hello") for _ in range(3)) if reply.status == 429]
        assert refused
        assert "Too many requests in the last minute (count: " in refused[0].json["error"]
        assert 1 <= int(refused[0].headers["retry-after"]) <= 60
