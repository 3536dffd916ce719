"""Looking at past calls, their logs, and actions."""

from __future__ import annotations

import json

import pytest

from owactors.cli import logs
from tests.cli.conftest import Run
from tests.cli.fakenode import Asked, FakeNode, Reply, record

ID = "a" * 32
RECORDS = "namespaces/_/activations"


def test_activations_are_a_table_or_json(run: Run, node: FakeNode) -> None:
    summary = {key: value for key, value in record(statusCode=1).items() if key not in ("response", "logs")}
    node.answers("GET", RECORDS, (200, [summary]))

    table = run("activations", "--limit", "5", node=node)
    as_json = run("activations", "list", "/mira/tools/greet", "--since", "1000", "--json", node=node)

    assert table.exit_code == 0
    assert table.stdout.splitlines()[1].split()[2:] == [ID, "cold", "32", "ms", "application", "error", "greet"]
    assert json.loads(as_json.stdout) == [summary]
    assert node.asked[0].query == {"limit": "5", "skip": "0"}
    assert node.asked[1].query == {"limit": "30", "skip": "0", "name": "tools/greet", "since": "1000"}


def test_since_may_be_a_time_ago(run: Run, node: FakeNode) -> None:
    node.answers("GET", RECORDS, (200, []))

    assert run("activations", "--since", "10 min", node=node).exit_code == 0
    assert int(node.asked[0].query["since"]) > 1_700_000_000_000
    assert run("activations", "--since", "yesterday", node=node).exit_code == 2


def test_one_record_is_found_by_id_or_as_the_last(run: Run, node: FakeNode) -> None:
    node.answers("GET", RECORDS, (200, [record()]))
    node.answers("GET", f"{RECORDS}/{ID}", (200, record()))

    assert json.loads(run("activations", "get", ID, node=node).stdout) == record()
    assert json.loads(run("activations", "get", "--last", node=node).stdout) == record()
    assert run("activations", "get", node=node).exit_code == 2
    assert run("activations", "get", "b" * 32, node=node).exit_code == 3


@pytest.mark.parametrize("words", [(ID,), ("greet",), ("--last",)])
def test_logs_of_a_call(run: Run, node: FakeNode, words: tuple[str, ...]) -> None:
    node.answers("GET", RECORDS, (200, [record()]))
    node.answers("GET", f"{RECORDS}/{ID}/logs", (200, {"logs": record()["logs"]}))

    assert run("logs", *words, node=node).stdout == record()["logs"][0] + "\n"
    assert run("logs", *words, "--strip", node=node).stdout == "greeting Ada\n"
    assert json.loads(run("logs", *words, "--json", node=node).stdout) == record()["logs"]


def test_logs_of_an_action_that_never_ran(run: Run, node: FakeNode) -> None:
    node.answers("GET", RECORDS, (200, []))

    result = run("logs", "greet", node=node)

    assert result.exit_code == 3
    assert "no activation of greet" in result.stderr


def test_following_writes_each_call_once(run: Run, node: FakeNode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "POLL_SECONDS", 0)
    polls = 0

    def newest(asked: Asked) -> Reply:
        nonlocal polls
        polls += 1
        return (200, [record()]) if polls < 4 else (503, {"error": "going down", "code": "t"})

    node.replies["GET", f"/api/v1/{RECORDS}"] = newest

    result = run("logs", "greet", "--follow", "--strip", node=node)

    assert result.stdout == f"-- greet {ID}\ngreeting Ada\n"
    _, stream, first = node.asked[:3]
    assert (stream.path, stream.query) == (f"/api/v1/{RECORDS}/follow", {"name": "greet", "lines": "true"})
    assert (result.exit_code, first.query["docs"], first.query["name"]) == (6, "true", "greet")


def test_following_goes_on_when_the_node_is_back(run: Run, node: FakeNode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "POLL_SECONDS", 0)
    polls = 0

    def newest(asked: Asked) -> Reply:
        nonlocal polls
        polls += 1
        if polls in (2, 3):
            raise BrokenPipeError  # the connection ends without an answer
        return (200, [record()]) if polls < 5 else (503, {"error": "going down", "code": "t"})

    node.replies["GET", f"/api/v1/{RECORDS}"] = newest

    result = run("logs", "greet", "--follow", "--strip", node=node)

    assert result.stdout == f"-- greet {ID}\ngreeting Ada\n"
    assert result.stderr.count("the node is away") == 1


def test_following_a_node_that_was_never_there_fails(run: Run) -> None:
    result = run("logs", "greet", "--follow", "--apihost", "http://127.0.0.1:9")

    assert result.exit_code == 5


def test_actions_can_be_listed_shown_and_deleted(run: Run, node: FakeNode) -> None:
    listed = {
        "namespace": "guest/tools",
        "name": "greet",
        "version": "0.0.1",
        "updated": 1_700_000_000_000,
        "annotations": [{"key": "exec", "value": "python:3"}],
    }
    node.answers("GET", "namespaces/_/actions", (200, [listed]))
    node.answers("GET", "namespaces/_/actions/tools/greet", (200, listed))
    node.answers("DELETE", "namespaces/_/actions/tools/greet", (200, listed))

    assert "/guest/tools/greet  python:3  0.0.1" in run("action", "list", node=node).stdout
    assert json.loads(run("action", "list", "--json", node=node).stdout) == [listed]
    assert json.loads(run("action", "get", "tools/greet", node=node).stdout) == listed
    assert "deleted tools/greet" in run("action", "delete", "tools/greet", node=node).stderr
    assert run("action", "delete", "other", node=node).exit_code == 3
