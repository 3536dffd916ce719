"""An empty control group beside those of a node's sandboxes, locked (flock) by the node as long as it lives.

Whoever can see the groups of sandboxes can see whether their node is alive, without its data folder and whatever
namespaces either of them is in. So the sandboxes of a node that was killed and whose data folder is gone are ended by
a node that looks, also those that were frozen, which no signal ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

from attrs import define, field

from owactors.container.port import WhiskContainerStartupError
from owactors.container.sandbox import leftovers, processes
from owactors.container.sandbox.cgroup import PREFIX, CgroupLayout
from owactors.container.sandbox.leftovers import GROUP, SandboxState

LOG = logging.getLogger(__name__)
LOCK = re.compile(re.escape(PREFIX) + "lock-([0-9a-f]{8})")


@define(eq=False)
class BootGroup:
    """That of one life of a node, with which it looks after those of others now and then. What is as it was `seconds`
    ago is a leftover: a node that comes back with its own data folder deals with its own.
    """

    path: Path
    seconds: float
    _lock: int
    _layout: CgroupLayout
    _boot: str
    _unlocked: dict[str, float] = field(factory=dict)
    """Boot -> when it was first seen without a lock."""

    @classmethod
    def make(cls, layout: CgroupLayout, boot: str, folder: Path, seconds: float) -> BootGroup | None:
        """None where there are no groups. `folder`: that of this boot. Raises WhiskContainerStartupError."""
        parent = next(iter(layout.parents.values()), None)
        if parent is None:
            return None
        path = parent / f"{PREFIX}lock-{boot}"
        try:
            (folder / leftovers.LOCKED_GROUP).write_text(str(path))
            return cls(path, seconds, _made(path), layout, boot)
        except OSError as error:
            raise WhiskContainerStartupError(f"the node cannot have a control group of its own: {error}") from error

    def look(self) -> list[str]:
        """Kill and remove the sandboxes of nodes that have held their lock no more for so long (the ids), and empty
        groups that are so old. Blocks up to some seconds: run it in a thread.
        """
        ended = []
        for path, boot in _locks(self._layout):
            lock = None if boot == self._boot else _locked(path)
            if lock is None:
                self._unlocked.pop(boot, None)
                continue
            try:
                if time.monotonic() > self._unlocked.setdefault(boot, time.monotonic()) + self.seconds:
                    ended += self._end(path, boot)
            finally:
                os.close(lock)
        if empty := leftovers.remove_empty_groups(self._layout.parents.values(), self._boot, self.seconds):
            LOG.info("removed %d empty control groups of nodes whose data is gone", len(empty))
        return ended

    def _end(self, path: Path, boot: str) -> list[str]:
        ended, complete = _end(self._layout, boot)
        if complete:
            self._unlocked.pop(boot, None)
            with contextlib.suppress(FileNotFoundError):  # the next life of that node was faster
                path.rmdir()
        if ended:
            LOG.warning("ended %d sandboxes of a node that is no more: %s", len(ended), ", ".join(ended))
        return ended

    def remove(self) -> None:
        """When no sandbox is left."""
        with contextlib.suppress(OSError):
            self.path.rmdir()
        os.close(self._lock)


def _made(path: Path) -> int:
    """A descriptor that holds the lock of a new group."""
    while True:
        path.mkdir(exist_ok=True)
        lock = _locked(path)
        if lock is not None:
            return lock
        # Somebody has taken it for a dead node's, in the moment before it was locked, and removes it.


def _locked(path: Path) -> int | None:
    """A descriptor that holds the lock; None if another process has it, or the group is gone."""
    try:
        lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(lock), path.stat()):
            return lock
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(lock)
    return None


def _locks(layout: CgroupLayout) -> Iterator[tuple[Path, str]]:
    for parent in dict.fromkeys(layout.parents.values()):
        for path in sorted(parent.glob(f"{PREFIX}lock-*")):
            named = LOCK.fullmatch(path.name)
            if named:
                yield path, named[1]


def _end(layout: CgroupLayout, boot: str) -> tuple[list[str], bool]:
    """Those of this boot that went, and whether these are all."""
    # A zygote ends with its node, unless it is stopped.
    processes.kill_all(lambda: processes.marked(processes.zygote_marker(boot)))
    parents = dict.fromkeys(layout.parents.values())
    names = {path.name for parent in parents for path in parent.glob(f"{PREFIX}{boot}-*")}
    ids = [name.removeprefix(PREFIX) for name in sorted(filter(GROUP.fullmatch, names))]
    ended = [id for id in ids if leftovers.end(_as_written(layout, id))]
    return ended, ended == ids


def _as_written(layout: CgroupLayout, id: str) -> SandboxState:
    """What was written down about it, as far as it can be known without."""
    folders = {controller: str(parent / f"{PREFIX}{id}") for controller, parent in layout.parents.items()}
    return SandboxState(id, "", layout.version, folders, {})
