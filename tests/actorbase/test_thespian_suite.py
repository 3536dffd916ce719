"""The quick modules of Thespian's own test suite, on our base. docs/actorbase.md tells of the whole."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

MODULES = [
    "actorAddressPassing",
    "actorFailures",
    "actorSignals",
    "actorSysAPI",
    "actorSystemRestart",
    "badStartupMessage",
    "badmessage",
    "bigmessages",
    "commonCapabilities",
    "createActor",
    "generators",
    "globalName",
    "initmsgs",
    "load",
    "manyActorSystems",
    "poisonMessage",
    "requireCapability",
    "simpleActor",
    "stats",
    "systemMessages",
    "transient",
]
CHOICE = "multiprocTCPBase and not AdminRouting and not LoadTorture and not confused_exit"
"""LoadTorture: 100 processes within 2.5 s. confused_exit: expects to hear of an exit before the process is gone."""


@pytest.mark.timeout(300)
def test_thespians_own_tests_pass() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.actorbase.suite_plugin", "-o", "addopts="]
    command += ["-p", "no:cacheprovider", "--timeout=60", "--timeout-method=signal", "--import-mode=importlib"]
    command += ["-k", CHOICE, "--pyargs"]
    command += [f"thespian.test.test_{module}" for module in MODULES]
    process = subprocess.run(
        command,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.getcwd()},
        check=False,
    )
    assert process.returncode == 0, process.stdout[-8000:] + process.stderr[-2000:]
