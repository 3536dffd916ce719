"""Which processes of this machine have a file or a socket open, as far as this user may see it (/proc)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

LISTENING = "0A"


def open_by(targets: set[str]) -> list[int]:
    """Process ids, without this one. `targets` as /proc names them: a path, or `socket:[inode]`."""
    return [pid for pid in _others() if any(target in targets for _, target in _opened(pid))]


def locked_by(path: Path) -> list[int]:
    """Those that share a lock (flock) on this file; who only reads it is not among them."""
    name = os.path.realpath(path)
    return [pid for pid in _others() if any(what == name and _locks(pid, number) for number, what in _opened(pid))]


def _others() -> list[int]:
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit() and int(entry) != os.getpid()]


def _opened(pid: int) -> Iterator[tuple[str, str]]:
    """Descriptors and what they lead to."""
    folder = f"/proc/{pid}/fd"
    try:
        for number in os.listdir(folder):
            yield number, os.readlink(f"{folder}/{number}")
    except OSError:
        return  # it ended, or is not ours to look at


def _locks(pid: int, descriptor: str) -> bool:
    return any("FLOCK" in line for line in _lines(f"/proc/{pid}/fdinfo/{descriptor}"))


def sockets_below(folder: Path) -> set[str]:
    """The unix sockets that are bound to a name in this folder."""
    found = set()
    for line in _lines("/proc/net/unix"):
        columns = line.split(None, 7)
        if len(columns) == 8 and columns[7].startswith(f"{folder}/"):
            found.add(f"socket:[{columns[6]}]")
    return found


def listening_on(port: int) -> set[str]:
    """The TCP sockets that listen on this port, whatever their address."""
    found = set()
    for line in [*_lines("/proc/net/tcp"), *_lines("/proc/net/tcp6")]:
        columns = line.split()
        if columns[3] == LISTENING and int(columns[1].rpartition(":")[2], 16) == port:
            found.add(f"socket:[{columns[9]}]")
    return found


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(errors="replace").splitlines()[1:]
    except OSError:
        return []


def described(pid: int) -> str:
    """For a person: the process id and the name of the program."""
    try:
        return f"process {pid} ({Path(f'/proc/{pid}/comm').read_text(errors='replace').strip()})"
    except OSError:
        return f"process {pid}"


def user_of(port: int) -> str:
    """Who listens on this port: `process 17 (nginx)`, or `another program` where that cannot be seen."""
    pids = open_by(sockets) if (sockets := listening_on(port)) else []
    return ", ".join(described(pid) for pid in pids) or "another program"
