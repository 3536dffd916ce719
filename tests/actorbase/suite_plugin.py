"""pytest plugin that runs Thespian's own tests on our base, also several processes on one list of tests.

    python -m pytest -q -p tests.actorbase.suite_plugin -o addopts= --import-mode=importlib --pyargs thespian.test

The suite names the bases it runs on, so ours takes the place of multiprocTCPBase; tests of other bases are left out.
With OWACTORS_SUITE_FOLDER in the environment each test is run by the first process that comes for it, and all of them
write down in that folder what they started and how it went (suite_run.py reads it).
"""

from __future__ import annotations

import atexit
import fcntl
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
import thespian.system

from owactors import actorbase

FOLDER = tempfile.mkdtemp(prefix="owactors-suite-")
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)
SHARED = os.environ.get("OWACTORS_SUITE_FOLDER", "")
STOOD_FOR = "multiprocTCPBase"
#: the variants with admin routing are refused at the start of the system: one test of them shows it
SAMPLE = "test_generators"
#: these have the longest tests: first, so that nobody is left with one at the end
LONG = ("test_troupe", "test_threadedExternal", "test_actorAdder", "test_createActor", "test_actors")


class ActorSystemBase(actorbase.ActorSystemBase):
    """Systems of one test find each other's key in one folder, and go by the name the suite knows."""

    def __init__(self, system: Any, logDefs: Any = None) -> None:
        system.capabilities.setdefault("Actor Folder", FOLDER)
        system.capabilities["Thespian ActorSystem Name"] = STOOD_FOR
        super().__init__(system, logDefs=False)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    ours = [
        item for item in items if STOOD_FOR in item.name and ("AdminRouting" not in item.name or SAMPLE in item.name)
    ]
    config.hook.pytest_deselected(items=[item for item in items if item not in ours])
    items[:] = sorted(ours, key=lambda item: item.path.stem not in LONG)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """Take test after test from the common list."""
    if not SHARED or session.config.option.collectonly:
        return None
    while (index := _take()) < len(session.items):
        item = session.items[index]
        _note({"started": short(item.nodeid)})
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
    return True


@pytest.hookimpl(trylast=True)
def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if SHARED and (report.when == "call" or report.outcome != "passed"):
        text = "" if report.outcome == "passed" else report.longreprtext or str(report.longrepr)
        _note({"test": short(report.nodeid), "outcome": report.outcome, "text": text, "seconds": report.duration})


def short(nodeid: str) -> str:
    """Without the folder that Thespian is installed in: test_load.py::TestLoad::test01[multiprocTCPBase]."""
    return nodeid.rpartition("thespian/test/")[2]


def _take() -> int:
    """The number of the next test."""
    with Path(SHARED, "next").open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        number = int(file.read() or 0)
        file.truncate(0)
        file.write(str(number + 1))
    return number


def _note(line: dict[str, Any]) -> None:
    with Path(SHARED, "results").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(json.dumps(line) + "\n")


module = type(sys)(f"thespian.system.{STOOD_FOR}")
module.ActorSystemBase = ActorSystemBase  # type: ignore[attr-defined]
sys.modules[module.__name__] = module
thespian.system.multiprocTCPBase = module
actorbase.allow("thespian.test.", "thespian.runcommand", "thespian.director")
