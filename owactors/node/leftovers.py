"""What an earlier node left on this machine, found and ended: its processes, its sockets, its folders.

Processes are known by what they hold (the lock of the data folder, a socket in it), never by their names or numbers.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from owactors.actor.openfiles import described, locked_by, open_by, sockets_below

#: seconds for a process to end in order, and for the kernel to end it
GRACE, KILLED_WITHIN = 2.0, 5.0


def holders(lock: Path) -> list[int]:
    """Other processes that hold this lock."""
    return locked_by(lock)


def survivors(folder: Path) -> list[int]:
    """Other processes with a socket in this folder."""
    sockets = sockets_below(folder.absolute()) | sockets_below(folder.resolve())
    return open_by(sockets) if sockets else []


def end(pids: list[int]) -> str:
    """Ends these processes, in order if they can; what was done, for the log. Empty if there was nothing to do."""
    if not pids:
        return ""
    named = ", ".join(described(pid) for pid in pids)
    left = _gone(_signalled(pids, signal.SIGTERM), GRACE)
    killed = _signalled(left, signal.SIGKILL)
    stubborn = _gone(killed, KILLED_WITHIN)
    how = f", {len(killed)} of them by force" if killed else ""
    rest = f"; {', '.join(map(described, stubborn))} cannot be ended" if stubborn else ""
    return f"ended {named} of an earlier node{how}{rest}"


def _signalled(pids: list[int], number: signal.Signals) -> list[int]:
    """Those that were there to be signalled."""
    there = []
    for pid in pids:
        try:
            os.kill(pid, number)
        except (ProcessLookupError, PermissionError):
            continue
        there.append(pid)
    return there


def _gone(pids: list[int], seconds: float) -> list[int]:
    """Waits until these are gone; those that are not after so long."""
    deadline = time.monotonic() + seconds
    while (left := [pid for pid in pids if _lives(pid)]) and time.monotonic() < deadline:
        time.sleep(0.02)
    return left


def _lives(pid: int) -> bool:
    """It is there, and not only waiting for its parent to take notice of its end."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[0] not in "ZX"
    except (OSError, IndexError):
        return False


def about(folder: Path) -> str:
    """What is in the folder of an earlier start, before it is removed."""
    sockets = sum(1 for _ in folder.glob("*.sock"))
    when = " from before this machine was started" if folder.stat().st_mtime < _started() else ""
    return f"removed {folder}{when}, with {sockets} sockets of dead processes"


def _started() -> float:
    """When this machine was started, in seconds since 1970."""
    lines = Path("/proc/stat").read_text().splitlines()
    return float(next((line.split()[1] for line in lines if line.startswith("btime")), 0))
