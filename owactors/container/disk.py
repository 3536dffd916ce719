"""How much a container has written: a limit may hold each file, this looks at all of them together."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import stat
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from attrs import define, field

from owactors.container.http_container import HttpContainer
from owactors.container.port import MIB, Protection
from owactors.core.reply import RunResult

LOG = logging.getLogger(__name__)
PERIOD = 1.0
"""Seconds between two looks at the containers in which something runs."""
MOST_ENTRIES = 100_000
"""Whoever makes or opens more files than this has not been looked at to the end, and is over any limit."""
BLOCK = 512
DELETED = " (deleted)"


class TooMany(Exception):
    """More files than anybody counts."""


@define
class Tally:
    """Bytes on disk of the files that were shown to it, each counted once. Raises TooMany."""

    bytes: int = 0
    _entries: int = 0
    _linked: set[tuple[int, int]] = field(factory=set)

    def pass_by(self) -> None:
        """One more entry was looked at."""
        self._entries += 1
        if self._entries > MOST_ENTRIES:
            raise TooMany

    def add(self, found: os.stat_result, own_name_only: bool = True) -> None:
        """A file or folder. With `own_name_only`, one that has no other names cannot come again."""
        if not own_name_only or (found.st_nlink > 1 and not stat.S_ISDIR(found.st_mode)):
            key = (found.st_dev, found.st_ino)
            if key in self._linked:
                return
            self._linked.add(key)
        self.bytes += found.st_blocks * BLOCK


def used(paths: Iterable[str], pids: Iterable[int] = ()) -> int | None:
    """Bytes on disk of the files and folders at `paths`, and of deleted files that the processes `pids` keep there.

    None if there are too many to count. Blocks: for a thread.
    """
    tally = Tally()
    try:
        devices = _below(paths, tally)
        for pid in pids:
            _kept(pid, devices, tally)
    except TooMany:
        return None
    return tally.bytes


def _below(paths: Iterable[str], tally: Tally) -> set[int]:
    """Adds what is below the paths; the devices that they are on."""
    devices: set[int] = set()
    folders: list[str] = []
    for path in paths:
        with contextlib.suppress(OSError):
            found = os.stat(path, follow_symlinks=False)
            devices.add(found.st_dev)
            if stat.S_ISDIR(found.st_mode):
                folders.append(path)
            else:
                tally.add(found)
    while folders:
        folders += _entries(folders.pop(), tally)
    return devices


def _entries(folder: str, tally: Tally) -> list[str]:
    """Adds what is in the folder; the folders in it."""
    folders = []
    try:
        with os.scandir(folder) as found:
            for entry in found:
                tally.pass_by()
                with contextlib.suppress(OSError):
                    tally.add(entry.stat(follow_symlinks=False))
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
    except OSError:
        pass
    return folders


def _kept(pid: int, devices: set[int], tally: Tally) -> None:
    """Adds deleted files that the process has open or in its memory, on these devices or that of its root."""
    with contextlib.suppress(OSError):
        devices = devices | {os.stat(f"/proc/{pid}/root").st_dev}
        for path in (*_open_deleted(pid, tally), *_mapped_deleted(pid, tally)):
            with contextlib.suppress(OSError):
                found = os.stat(path)
                if found.st_nlink == 0 and found.st_dev in devices and stat.S_ISREG(found.st_mode):
                    tally.add(found, own_name_only=False)


def _open_deleted(pid: int, tally: Tally) -> list[str]:
    paths = []
    for name in os.listdir(f"/proc/{pid}/fd"):
        tally.pass_by()
        path = f"/proc/{pid}/fd/{name}"
        with contextlib.suppress(OSError):
            if os.readlink(path).endswith(DELETED):
                paths.append(path)
    return paths


def _mapped_deleted(pid: int, tally: Tally) -> list[str]:
    paths = []
    with open(f"/proc/{pid}/maps", encoding="utf-8", errors="replace") as lines:
        for line in lines:
            tally.pass_by()
            if line.rstrip("\n").endswith(DELETED):
                start, _, end = line.split(" ", 1)[0].partition("-")
                paths.append(f"/proc/{pid}/map_files/{start.lstrip('0')}-{end.lstrip('0')}")
    return paths


class WritingContainer(HttpContainer):
    """A container whose disk can be looked at."""

    over_disk = False
    has_run = False
    """Something has run in it since the last look."""

    async def written(self) -> int | None:
        """Bytes that it has on its disk; None if there are too many files to count."""
        raise NotImplementedError

    def exceed_disk(self, size: int | None, limit: int) -> None:
        """It has written more than it may: it ends, and its log says why. `size` None: too many files."""
        self.over_disk = True
        had = "too many files" if size is None else f"{size // MIB} MB"
        self.collector.remark(f"The action was aborted because it wrote {had} to its disk of {limit // MIB} MB.")
        self.kill()

    async def _exchange(self, path: str, *asked: Any) -> RunResult:
        self.has_run = True
        return await super()._exchange(path, *asked)


@define(eq=False)
class DiskWatch:
    """Ends containers that write more than `limit` bytes. Those in which nothing runs are not looked at."""

    limit: int
    containers: Callable[[], Sequence[WritingContainer]]
    _task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look, if there is a limit."""
        if self.limit > 0:
            self._task = asyncio.get_running_loop().create_task(self._watch())

    def stop(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(PERIOD)
            for container in self.containers():
                if container.has_run and not container.over_disk:
                    # Who has ended a run since the last look is looked at once more.
                    container.has_run = container.busy
                    await self._look(container)

    async def _look(self, container: WritingContainer) -> None:
        try:
            size = await container.written()
        except Exception:
            LOG.exception("the disk of container %s cannot be looked at", container.id)
            return
        if size is None or size > self.limit:
            container.exceed_disk(size, self.limit)


def protection(limit: int, more: str = "") -> Protection:
    """What holds the disk, in the operator's words; `more`: what holds it beside this."""
    if not limit:
        return Protection("disk", bool(more), more or "any number of bytes (setting)")
    detail = f"{limit // MIB} MB, looked at every second; no file may be larger"
    return Protection("disk", True, f"{detail}; {more}" if more else detail)
