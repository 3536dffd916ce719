"""The client commands against the real REST API over HTTP, with an invoker that is a function."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from owactors.actor.httpserver import HttpServer, listening_socket
from owactors.cli import tour
from owactors.entity.action import WhiskAction
from owactors.entity.activation import ActivationResponse
from owactors.message.activation import ActivationMessage
from tests.cli.conftest import Run
from tests.rest.world import ALICE, World, echo


def echo_or_fail(message: ActivationMessage, action: WhiskAction) -> ActivationResponse:
    if isinstance(message.content, dict) and message.content.get("fail"):
        return ActivationResponse.application_error("as you wish", 20)
    return echo(message, action)


@pytest.fixture
def address(run: Run, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A controller on a free port, in a thread; `run` speaks to it."""
    listening = listening_socket("127.0.0.1", 0)
    server: list[HttpServer] = []
    up = threading.Event()

    async def serve() -> None:
        world = await World().open()
        world.invoker.behaviour = echo_or_fail
        server.append(HttpServer(world.application, listening))
        up.set()
        await server[0].serve()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert up.wait(30)
    host = f"http://127.0.0.1:{listening.getsockname()[1]}"
    monkeypatch.setenv("OWACTORS_APIHOST", host)
    yield host
    server[0].stop()
    thread.join(30)


@pytest.mark.usefixtures("address")
def test_an_action_from_deploy_to_delete(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "greet.js"
    file.write_text("function main(args) { return args }")

    deployed = run("deploy", file, "-p", "city", "Rome", "-m", 128, "--web", "yes")
    invoked = run("invoke", "greet", "-p", "name", "Ada")
    failed = run("invoke", "greet", "-p", "fail", "true")
    pending = run("invoke", "greet", "--no-wait")

    assert "deployed greet (nodejs:default, version 0.0.1)" in deployed.stderr
    assert (invoked.exit_code, json.loads(invoked.stdout)) == (0, {"city": "Rome", "name": "Ada"}), invoked.stderr
    assert "wait 3 ms, init 20 ms" in invoked.stderr
    assert (failed.exit_code, json.loads(failed.stdout)) == (1, {"error": "as you wish"})
    assert (pending.exit_code, len(pending.stdout.strip())) == (0, 32)

    records = json.loads(run("activations", "list", "greet", "--json").stdout)
    assert len(records) == 3
    assert "application error" in run("activations").stdout
    whole = json.loads(run("activations", "get", pending.stdout.strip()).stdout)
    assert whole["response"]["success"] is True
    assert run("logs", pending.stdout.strip()).exit_code == 0
    assert run("logs", "greet").exit_code == 0

    assert json.loads(run("action", "get", "greet").stdout)["limits"]["memory"] == 128
    assert "/guest/greet" in run("action", "list").stdout
    assert run("action", "delete", "greet").exit_code == 0
    assert run("action", "get", "greet").exit_code == 3


@pytest.mark.usefixtures("address")
def test_keys_and_namespaces_are_respected(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "greet.js"
    file.write_text("function main(args) { return args }")
    run("deploy", file)

    unknown = run("invoke", "greet", "--auth", "1" * 36 + ":" + "x" * 64)
    foreign = run("invoke", "/guest/greet", "--auth", ALICE)
    wrong_kind = run("deploy", file, "--kind", "cobol:60")

    assert (unknown.exit_code, "--auth" in unknown.stderr) == (4, True)
    assert foreign.exit_code == 4
    assert (wrong_kind.exit_code, "cobol:60" in wrong_kind.stderr) == (6, True)


def test_a_tour_finds_the_node_ready(run: Run, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The steps of a tour, shown to somebody who started the node by hand."""
    monkeypatch.setattr(tour.signal, "signal", lambda *_: None)
    file = tmp_path / "wordstats.js"
    file.write_text("function main(args) { return args }")
    (tmp_path / "params.json").write_text('{"text": "to be"}')

    result = run("tour", file, "--apihost", address)

    assert result.exit_code == 0, result.stderr
    assert '"text": "to be"' in result.stdout
    assert "Try next" in result.stdout
