"""How much a sandbox has written: the kernel limits each file, this looks at all of them together."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Iterable

from attrs import define

from owactors.container.sandbox.container import SandboxContainer

PERIOD = 1.0
"""Seconds between two looks at the sandboxes in which something runs."""
MOST_ENTRIES = 100_000
"""Whoever makes more files than this has not been looked at to the end, and is over any limit."""
BLOCK = 512


def used(folders: Iterable[str]) -> int | None:
    """Bytes on disk below `folders`; None if there are too many files to count."""
    total = entries = 0
    open_folders = list(folders)
    while open_folders:
        try:
            with os.scandir(open_folders.pop()) as found:
                for entry in found:
                    entries += 1
                    with contextlib.suppress(OSError):
                        total += entry.stat(follow_symlinks=False).st_blocks * BLOCK
                        if entry.is_dir(follow_symlinks=False):
                            open_folders.append(entry.path)
        except OSError:
            continue
        if entries > MOST_ENTRIES:
            return None
    return total


@define(eq=False)
class DiskWatch:
    """Ends sandboxes that write more than `limit` bytes. Those in which nothing runs are not looked at."""

    limit: int
    containers: Callable[[], list[SandboxContainer]]
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
                if container.busy and not container.over_disk:
                    await self._look(container)

    async def _look(self, container: SandboxContainer) -> None:
        size = await asyncio.to_thread(used, container.own_folders)
        if size is None or size > self.limit:
            container.exceed_disk(size, self.limit)
