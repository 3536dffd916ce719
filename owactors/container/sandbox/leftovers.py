"""What sandboxes leave on disk, and how to remove the sandboxes of a node that died.

    <data>/sandboxes/<boot>/lock         held (flock) by the node as long as it lives, whatever ends it
    <data>/sandboxes/<boot>/group        where the node's own control group is (see bootgroup.py)
    <data>/sandboxes/<boot>/<n>/         one sandbox: state.json, the socket `s`, `work/`, `tmp/`

Everything about a sandbox that the kernel does not forget by itself is written down before it is made.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shutil
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from attrs import define, fields, frozen

from owactors.container.network import private
from owactors.container.sandbox import cgroup, processes

STATE = "state.json"
LOCKED_GROUP = "group"
GROUP = re.compile(re.escape(cgroup.PREFIX) + "([0-9a-f]{8})-[0-9]+")
"""The name of a sandbox's control group: the boot of its node, and a number."""


@frozen
class SandboxState:
    """What `state.json` says: enough to find every process, group and label of a sandbox."""

    id: str
    name: str
    cgroup_version: int
    cgroups: dict[str, str]
    labels: dict[str, str]
    pid: int | None = None
    started: int | None = None

    def write(self, folder: Path) -> None:
        """Write it so that a reader sees all or nothing."""
        new = folder / f"{STATE}.new"
        new.write_text(json.dumps({name: getattr(self, name) for name in _FIELDS}))
        new.replace(folder / STATE)

    @classmethod
    def read(cls, folder: Path) -> SandboxState | None:
        """None if there is none or it is damaged."""
        try:
            value: dict[str, Any] = json.loads((folder / STATE).read_text())
            return cls(**{name: value[name] for name in _FIELDS})
        except (OSError, ValueError, KeyError, TypeError):
            return None


_FIELDS = tuple(attribute.name for attribute in fields(SandboxState))


@define
class BootFolder:
    """The folder of one life of a node, locked."""

    path: Path
    _lock: int

    @classmethod
    def make(cls, data: Path, boot: str) -> BootFolder:
        """Raises OSError if the data folder cannot be written."""
        path = data / "sandboxes" / boot
        path.mkdir(parents=True, mode=0o700)
        lock = os.open(path / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return cls(path, lock)

    def remove(self) -> None:
        """Remove the folder and let the lock go."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


def dead_boots(data: Path, own: str) -> Iterator[Path]:
    """The folders of nodes that are no more. Each stays locked by us while the caller deals with it."""
    root = data / "sandboxes"
    for path in sorted(root.iterdir()) if root.is_dir() else ():
        if path.name == own or not path.is_dir():
            continue
        lock = _lock_of_dead(path)
        if lock is not None:
            try:
                yield path
            finally:
                os.close(lock)


def _lock_of_dead(path: Path) -> int | None:
    try:
        lock = os.open(path / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        return None
    return lock


def remove_boot(path: Path) -> list[str]:
    """Kill and remove every sandbox of a dead node; the ids. Blocks up to some seconds: run it in a thread."""
    removed = []
    complete = True
    # A zygote ends with its node, unless it is stopped.
    processes.kill_all(lambda: processes.marked(processes.zygote_marker(path.name)))
    for folder in sorted(path.iterdir()):
        if folder.is_dir():
            identity = remove_sandbox(folder)
            complete = complete and identity is not None
            removed += [identity] if identity else []
    private.remove(path)
    if complete:
        with contextlib.suppress(OSError):
            Path((path / LOCKED_GROUP).read_text()).rmdir()
        shutil.rmtree(path, ignore_errors=True)
    return removed


def remove_sandbox(folder: Path, seconds: float = 5.0) -> str | None:
    """Kill and remove the sandbox in `folder`; its id, or None if something of it would not go (try again)."""
    state = SandboxState.read(folder)
    if state is not None and not end(state, seconds):
        return None
    shutil.rmtree(folder, ignore_errors=True)
    return state.id if state is not None else folder.name


def remove_empty_groups(parents: Iterable[Path], own: str, seconds: float) -> list[str]:
    """Remove control groups of sandboxes without a process, `seconds` old or more; their paths.

    They are of nodes whose data folder is gone, for others know theirs. A sandbox that is being made has a process long
    before that age, and the kernel removes no group that has one. Those of boot `own` stay.
    """
    removed = []
    for parent in dict.fromkeys(parents):
        for path in parent.glob(f"{cgroup.PREFIX}*"):
            made = GROUP.fullmatch(path.name)
            with contextlib.suppress(OSError):
                if made and made[1] != own and path.stat().st_ctime < time.time() - seconds:
                    path.rmdir()
                    removed.append(str(path))
    return removed


def end(state: SandboxState, seconds: float = 5.0) -> bool:
    """Kill its processes and remove its group; False if something would not go (try again)."""
    deadline = time.monotonic() + seconds
    group = cgroup.known(state.cgroup_version, state.cgroups)
    while True:
        group.kill()
        alive = processes.kill_all(lambda: _processes(state))
        if group.remove() and not alive:
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)


def _processes(state: SandboxState) -> set[int]:
    found = {pid for pid in processes.marked(state.id) if processes.start_time(pid) is not None}
    if state.pid is not None and processes.start_time(state.pid) == state.started:
        found |= processes.descendants(state.pid)
    return found
