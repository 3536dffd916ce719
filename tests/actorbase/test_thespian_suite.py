"""Thespian's own test suite on our base, all of it: what passes and what does not is known test by test."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
EXCEPTIONS = {each["name"]: each for each in tomllib.loads((HERE / "thespian_suite.toml").read_text())["test"]}
PROJECT = HERE.parent.parent
PAGE = PROJECT / "docs" / "actorbase.md"
#: as many as the suite had when this was written: a run that finds less has not run it all
TESTS = 362
SECONDS = 840


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What suite_run.py found. Each test that fails among the others is run again, alone."""
    folder = tmp_path_factory.mktemp("suite")
    command = [sys.executable, "-m", "tests.actorbase.suite_run", str(folder), *EXCEPTIONS]
    with subprocess.Popen(command, cwd=PROJECT) as running:
        try:
            assert running.wait(SECONDS) == 0
        except BaseException:
            running.terminate()  # it ends all it has started
            raise
    return json.loads((folder / "outcome.json").read_text())


@pytest.mark.timeout(SECONDS + 30)
def test_each_of_thespians_tests_ends_as_it_should(outcome: Any) -> None:
    tests = outcome["tests"]
    assert len(tests) >= TESTS
    wrong = {name: each for name, each in tests.items() if _expected(name) not in (each["outcome"], "either")}
    told = [f"{name} {each['outcome']}, not {_expected(name)}:\n{each['text'][-2500:]}" for name, each in wrong.items()]
    assert not told, "\n\n".join(told)
    assert EXCEPTIONS.keys() <= tests.keys()


def _expected(name: str) -> str:
    return str(EXCEPTIONS[name]["outcome"]) if name in EXCEPTIONS else "passed"


@pytest.mark.timeout(SECONDS + 30)
def test_no_process_is_left_of_them(outcome: Any) -> None:
    assert outcome["left"] == []


def test_the_page_names_every_exception() -> None:
    page = PAGE.read_text()
    for each in EXCEPTIONS.values():
        name = each["name"].rpartition("::")[2].removesuffix("[multiprocTCPBase]")
        assert f"| `{name}` | {each['outcome']} | {each['reason']} |" in page
