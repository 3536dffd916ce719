"""Calling actions, and what scripts see of it."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from owactors.cli.connection import GUEST
from tests.cli.conftest import Run
from tests.cli.fakenode import FakeNode, record

GREET = "namespaces/_/actions/greet"


def test_the_result_goes_to_stdout_and_the_time_split_to_stderr(run: Run, node: FakeNode) -> None:
    node.answers("POST", GREET, (200, record()))

    result = run("invoke", "greet", "-p", "name", "Ada", "--param", "times", "2", node=node)

    assert result.exit_code == 0
    assert json.loads(result.stdout) == {"greeting": "Hello Ada"}
    assert "cold: wait 3 ms, init 20 ms, run 12 ms" in result.stderr
    [asked] = node.asked
    assert asked.body == {"name": "Ada", "times": 2}
    assert asked.query == {"blocking": "true", "result": "false"}
    assert base64.b64decode(asked.authorization.removeprefix("Basic ")).decode() == GUEST


def test_parameters_from_a_file_give_way_to_single_ones(run: Run, node: FakeNode, tmp_path: Path) -> None:
    node.answers("POST", GREET, (200, record()))
    file = tmp_path / "p.json"
    file.write_text('{"name": "Eve", "city": "Rome"}')

    run("invoke", "greet", "-P", file, "-p", "name", "Ada", node=node)

    assert node.asked[0].body == {"name": "Ada", "city": "Rome"}


def test_the_content_of_a_file_may_be_a_parameter(run: Run, node: FakeNode, tmp_path: Path) -> None:
    node.answers("POST", GREET, (200, record()))
    text, picture = tmp_path / "a.txt", tmp_path / "a.png"
    text.write_text('{"not": "parsed"}')
    picture.write_bytes(b"\x89PNG\xff")

    run("invoke", "greet", "-F", "text", text, "--file", "image", picture, node=node)

    assert node.asked[0].body == {"text": '{"not": "parsed"}', "image": base64.b64encode(b"\x89PNG\xff").decode()}
    assert run("invoke", "greet", "-F", "text", tmp_path / "gone", node=node).exit_code == 2


def test_names_with_package_and_namespace_find_their_path(run: Run, node: FakeNode) -> None:
    for name in ("tools/greet", "/mira/tools/greet", "/mira/greet"):
        run("invoke", name, node=node)

    assert [asked.path.removeprefix("/api/v1/namespaces/") for asked in node.asked] == [
        "_/actions/tools/greet",
        "mira/actions/tools/greet",
        "mira/actions/greet",
    ]


@pytest.mark.parametrize("options", [(), ("--json",), ("--result",)])
def test_a_failed_action_ends_with_1_and_its_error(run: Run, node: FakeNode, options: tuple[str, ...]) -> None:
    response = {"status": "application error", "success": False, "result": {"error": "no name"}}
    node.answers("POST", GREET, (502, record(response=response)))

    result = run("invoke", "greet", *options, node=node)

    assert result.exit_code == 1
    assert "no name" in result.stdout
    assert ("application error of greet" in result.stderr) == (options == ())


def test_without_waiting_the_id_is_the_answer(run: Run, node: FakeNode) -> None:
    node.answers("POST", GREET, (202, {"activationId": "b" * 32}))

    result = run("invoke", "greet", "--no-wait", node=node)

    assert (result.exit_code, result.stdout) == (0, "b" * 32 + "\n")
    assert node.asked[0].query["blocking"] == "false"


def test_a_call_that_is_not_finished_in_time_ends_with_7(run: Run, node: FakeNode) -> None:
    node.answers("POST", GREET, (202, {"activationId": "b" * 32}))

    result = run("invoke", "greet", node=node)

    assert result.exit_code == 7
    assert f"owactors activations get {'b' * 32}" in result.stderr


@pytest.mark.parametrize(
    ("status", "value", "exit_code", "text"),
    [
        (404, {"error": "The requested resource does not exist.", "code": "t1"}, 3, "does not exist. (code t1)"),
        (401, {"error": "The supplied authentication is invalid.", "code": "t1"}, 4, "--auth"),
        (403, {"error": "The supplied authentication is not authorized.", "code": "t1"}, 4, "not authorized"),
        (429, {"error": "Too many requests.", "code": "t1"}, 6, "Too many requests"),
        (503, "<html>", 6, "HTTP 503"),
        (200, {"not": "a record"}, 6, "HTTP 200"),
    ],
)
def test_each_refusal_has_its_exit_code(
    run: Run, node: FakeNode, status: int, value: object, exit_code: int, text: str
) -> None:
    node.answers("POST", GREET, (status, value))

    result = run("invoke", "greet", node=node)

    assert result.exit_code == exit_code
    assert text in result.stderr
    assert result.stdout == ""


def test_without_a_node_the_next_step_is_told(run: Run) -> None:
    result = run("invoke", "greet", "--apihost", "http://127.0.0.1:9")

    assert result.exit_code == 5
    assert "start one with `owactors standalone`" in result.stderr


@pytest.mark.parametrize(
    ("content", "text"), [("[1]", "one JSON object"), ("{", "is not JSON"), (None, "No such file")]
)
def test_a_bad_parameter_file_is_wrong_usage(run: Run, tmp_path: Path, content: str | None, text: str) -> None:
    file = tmp_path / "p.json"
    if content is not None:
        file.write_text(content)

    result = run("invoke", "greet", "-P", file)

    assert result.exit_code == 2
    assert text in result.stderr
