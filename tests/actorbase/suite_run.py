"""Thespian's whole test suite on our base, by several pytest processes at a time: it mostly waits.

    python -m tests.actorbase.suite_run FOLDER [TEST...]

runs it and writes FOLDER/outcome.json: {"tests": {name: {"outcome", "text", "seconds"}}, "left": [command lines]}.
A test that fails is run once more, alone, but for those named. Processes that are left at the end are named and
killed, however it ends.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

WORKERS = 10
#: seconds: for the whole, for processes to be gone afterwards
ALL_WITHIN, GONE_WITHIN = 700.0, 15.0
#: more failures than these are no accident of timing
REPEATED_AT_MOST = 12
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
Outcome = dict[str, Any]
ENDED: set[int] = set()


def main(folder: Path, once: Collection[str] = ()) -> None:
    _adopt_orphans()
    try:
        tests = read(_run(folder / "all", WORKERS, []))
        failed = [name for name, each in tests.items() if each["outcome"] == "failed" and name not in once]
        for number, name in enumerate(failed if len(failed) <= REPEATED_AT_MOST else []):
            again = read(_run(folder / f"again{number}", 1, [name]))
            tests[name] = {**again[name], "repeated": True, "first": tests[name]["text"]}
        left = _leftovers()
    finally:
        _end_all()
    (folder / "outcome.json").write_text(json.dumps({"tests": tests, "left": left}))


def _adopt_orphans() -> None:
    """Daemons of this run become our children, so that they can be found; we end with whoever started us."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))


def _run(folder: Path, workers: int, only: list[str]) -> Path:
    """The suite, or only these tests of it, in a folder of its own."""
    folder.mkdir()
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.actorbase.suite_plugin", "-o", "addopts="]
    command += ["-p", "no:cacheprovider", "-p", "no:schemathesis", "--timeout=60", "--timeout-method=signal"]
    command += ["--import-mode=importlib", "--pyargs", *([_address(each) for each in only] or ["thespian.test"])]
    environment = {**os.environ, "OWACTORS_SUITE_FOLDER": str(folder), "TMPDIR": str(folder), "PYTHONPATH": os.getcwd()}
    environment.pop("PYTHONUNBUFFERED", None)  # testCommandAbort wants what was not flushed to be lost
    running = set()
    for number in range(workers):
        with (folder / f"worker{number}.log").open("wb") as log:
            running.add(subprocess.Popen(command, stdout=log, stderr=log, env=environment).pid)
    deadline = time.monotonic() + ALL_WITHIN
    while running - _reaped() and time.monotonic() < deadline:
        time.sleep(0.05)
    return folder


def _reaped() -> set[int]:
    """Children that have ended so far. Daemons are among them: their tests wait for them to vanish."""
    try:
        while ended := os.waitpid(-1, os.WNOHANG)[0]:
            ENDED.add(ended)
    except ChildProcessError:
        pass  # none left
    return ENDED


def _address(name: str) -> str:
    module, _, rest = name.partition("::")
    return f"thespian.test.{module.removesuffix('.py')}::{rest}"


def read(folder: Path) -> dict[str, Outcome]:
    """What the workers wrote down. A test that was begun and not ended took its process with it."""
    tests: dict[str, Outcome] = {}
    for line in (folder / "results").read_text().splitlines():
        entry = json.loads(line)
        name = entry.get("started") or entry.pop("test")
        if "started" in entry:
            tests[name] = {"outcome": "failed", "text": "the process that ran it ended", "seconds": 0.0, "open": True}
        elif tests[name].pop("open", False) or entry["outcome"] == "failed":
            tests[name] = entry
    return tests


# -- what is left


def _leftovers() -> list[str]:
    """Command lines of processes that are still there when everything should have ended."""
    deadline = time.monotonic() + GONE_WITHIN
    while (left := list(_descendants())) and time.monotonic() < deadline:
        time.sleep(0.05)
    return [_command_line(pid) for pid in left]


def _end_all() -> None:
    while left := list(_descendants()):
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass  # ended by itself
        time.sleep(0.02)


def _descendants() -> Iterator[int]:
    """Living processes below this one."""
    _reaped()
    below = {os.getpid()}
    parents = _parents()
    while grown := {pid for pid, parent in parents.items() if parent in below and pid not in below}:
        below |= grown
        yield from grown


def _parents() -> dict[int, int]:
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state, parent = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[:2]
            except (OSError, ValueError):
                continue
            if state not in "ZX":
                parents[int(entry.name)] = int(parent)
    return parents


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").replace("\0", " ")
    except OSError:
        return f"process {pid}, gone since"


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
