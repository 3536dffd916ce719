"""The tour of a new node, as a process beside it."""

from __future__ import annotations

import json
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from owactors.cli import tour
from owactors.node.settings import Settings
from tests.cli.conftest import Run
from tests.cli.fakenode import FakeNode, fake_node, record

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "wordstats" / "wordstats.py"
Serve = Callable[[Settings], int]


@pytest.fixture
def restored_signals() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def answering(answer: dict[str, Any], status: int, asked: list[Any], folders: list[Path]) -> Serve:
    """A node that can be toured; it serves until SIGTERM, as the real one does."""

    def serve(settings: Settings) -> int:
        folders.append(settings.node.data_dir)
        stopped = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: stopped.set())
        with fake_node(settings.node.port) as node:
            node.asked = asked
            node.replies["GET", "/ping"] = [(200, "pong")]
            node.answers("PUT", "namespaces/_/actions/wordstats", (200, {"version": "0.0.1"}))
            node.answers("POST", "namespaces/_/actions/wordstats", (status, {**answer, "logs": []}))
            node.answers("GET", f"namespaces/_/activations/{answer['activationId']}", (200, answer))
            assert stopped.wait(30)
        return 0

    return serve


@pytest.mark.usefixtures("restored_signals")
@pytest.mark.parametrize("failed", [False, True])
def test_a_tour_deploys_and_calls_the_example_and_stops_the_node(
    run: Run, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], failed: bool
) -> None:
    asked: list[Any] = []
    folders: list[Path] = []
    response = {"status": "application error", "success": False, "result": {"error": "no text"}}
    answer = record(name="wordstats", **({"response": response} if failed else {}))
    monkeypatch.setattr(tour, "serve", answering(answer, 502 if failed else 200, asked, folders))

    result = run("standalone", "--tour", EXAMPLE, "--once", "--port", "0")

    shown = capfd.readouterr()
    assert result.exit_code == (1 if failed else 0), shown
    calls = [one for one in asked if one.path != "/ping"]
    assert [one.method for one in calls] == ["PUT", "POST", "GET"]
    assert calls[1].body == json.loads((EXAMPLE.parent / "params.json").read_text())
    assert ("no text" if failed else "Hello Ada") in shown.out
    assert "cold start: wait 3 ms, init 20 ms, run 12 ms" in shown.out
    assert "stdout: greeting Ada" in shown.out
    assert "Try next" not in shown.out
    assert not folders[0].exists()


def test_a_node_that_cannot_start_ends_the_tour(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tour, "serve", lambda settings: 5)

    assert run("standalone", "--tour", EXAMPLE, "--port", "0").exit_code == 5


def test_the_next_steps_are_commands_for_this_node(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(Path(sys.executable).parent.parent.parent)

    tour.tell_next_steps(EXAMPLE, "http://127.0.0.1:4000")

    steps = [line for line in capsys.readouterr().out.splitlines() if line.startswith("  ")]
    assert len(steps) == 3
    assert all("owactors " in step and "--apihost http://127.0.0.1:4000" in step for step in steps)


def test_a_tour_gives_up_when_its_node_is_gone(monkeypatch: pytest.MonkeyPatch, node: FakeNode, run: Run) -> None:
    monkeypatch.setattr(tour, "READY_SECONDS", 0.1)
    monkeypatch.setattr(tour.signal, "signal", lambda *_: None)

    result = run("tour", EXAMPLE, "--apihost", node.address)

    assert result.exit_code == 5
    assert "did not answer" in result.stderr


def test_once_needs_a_tour(run: Run) -> None:
    assert run("standalone", "--once").exit_code == 2
