"""An empty control group beside those of a node's sandboxes, locked (flock) by the node as long as it lives.

Whoever can see the groups of sandboxes can see whether their node is alive, without its data folder and whatever
namespaces either of them is in. So the sandboxes of a node that was killed and whose data folder is gone are ended by
the next node that looks, also those that were frozen, which no signal ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import re
from collections.abc import Iterator
from pathlib import Path

from attrs import define

from owactors.container.port import WhiskContainerStartupError
from owactors.container.sandbox import leftovers, processes
from owactors.container.sandbox.cgroup import PREFIX, CgroupLayout
from owactors.container.sandbox.leftovers import GROUP, SandboxState

LOG = logging.getLogger(__name__)
LOCK = re.compile(re.escape(PREFIX) + "lock-([0-9a-f]{8})")


@define
class BootGroup:
    """That of one life of a node."""

    path: Path
    _lock: int

    @classmethod
    def make(cls, layout: CgroupLayout, boot: str, folder: Path) -> BootGroup | None:
        """None where there are no groups. `folder`: that of this boot. Raises WhiskContainerStartupError."""
        parent = next(iter(layout.parents.values()), None)
        if parent is None:
            return None
        path = parent / f"{PREFIX}lock-{boot}"
        try:
            (folder / leftovers.LOCKED_GROUP).write_text(str(path))
            return cls(path, _made(path))
        except OSError as error:
            raise WhiskContainerStartupError(f"the node cannot have a control group of its own: {error}") from error

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


def sweep_groups(layout: CgroupLayout, own: str, seconds: float) -> list[str]:
    """Kill and remove the sandboxes of nodes that hold their lock no more (the ids), then empty groups that are so many
    seconds old; not those of boot `own`. Blocks up to some seconds: run it in a thread.
    """
    ended = _end_sandboxes_of_the_dead(layout, own)
    if empty := leftovers.remove_empty_groups(layout.parents.values(), own, seconds):
        LOG.info("removed %d empty control groups of nodes whose data is gone", len(empty))
    return ended


def _end_sandboxes_of_the_dead(layout: CgroupLayout, own: str) -> list[str]:
    ended = []
    for path, boot in _locks(layout):
        lock = None if boot == own else _locked(path)
        if lock is None:
            continue
        try:
            found, complete = _end(layout, boot)
            if complete:
                path.rmdir()
        finally:
            os.close(lock)
        if found:
            LOG.warning("ended %d sandboxes of a node that is no more: %s", len(found), ", ".join(found))
        ended += found
    return ended


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
