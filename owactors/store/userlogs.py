"""Files with the logs of all activations: `userlogs-<epoch ms>.log`, one after the other, the oldest removed.

Each process that writes has files of its own. What a line says is in `core.logfile`.
"""

from __future__ import annotations

import asyncio
import contextlib
import mmap
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

from attrs import define, field

from owactors.core.logfile import file_text, lines_in, mark_of
from owactors.entity.activation import WhiskActivation
from owactors.message.container import LogFileSettings

PATTERN = "userlogs-*.log"
IN_USE_SECONDS = 60.0
"""A file that was written to so lately may be another process's, and stays."""
COARSE_SECONDS = 1.0
"""A file system's clock ticks: what was just written may look some milliseconds older than it is."""


@define(eq=False)
class UserLogs:
    """Writes the files of one process, one activation at a time, beside its loop."""

    settings: LogFileSettings
    _fd: int | None = None
    _size: int = 0
    _writer: ThreadPoolExecutor = field(factory=lambda: ThreadPoolExecutor(1, "user-logs"))

    async def keep(self, record: WhiskActivation, lines: tuple[str, ...], namespace_id: str) -> None:
        """Write the lines and the record. OSError: they are not in a file, or not all of them."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._writer, self._keep, record, lines, namespace_id)

    def _keep(self, record: WhiskActivation, lines: tuple[str, ...], namespace_id: str) -> None:
        text = file_text(record, lines, namespace_id)
        if self._fd is None or (self._size and self._size + len(text) > self.settings.file_size):
            self._next_file()
        assert self._fd is not None
        self._size += len(text)
        rest = memoryview(text)
        while rest:
            rest = rest[os.write(self._fd, rest) :]

    def _next_file(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
        folder = Path(self.settings.folder)
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        self._remove_old(folder)
        self._fd, self._size = _new_file(folder), 0

    def _remove_old(self, folder: Path) -> None:
        """Leave room for one more file."""
        files = [(path, path.stat()) for path in _files(folder)]
        over = sum(status.st_size for _, status in files) + self.settings.file_size - self.settings.max_bytes
        before = time.time() - IN_USE_SECONDS
        for path, status in files:
            if over > 0 and status.st_mtime < before:
                path.unlink(missing_ok=True)
                over -= status.st_size


def _new_file(folder: Path) -> int:
    """For its owner and group, who may be one that ships logs."""
    number = int(time.time() * 1000)
    while True:
        with contextlib.suppress(FileExistsError):
            path = folder / f"userlogs-{number}.log"
            return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
        number += 1


def _files(folder: Path) -> list[Path]:
    """The oldest first."""
    return sorted(folder.glob(PATTERN), key=lambda path: (len(path.name), path.name))


@cache
def user_logs(settings: LogFileSettings) -> UserLogs:
    """Those of this process."""
    return UserLogs(settings)


async def logs_of(folder: str, activation_id: str, start: int) -> tuple[str, ...] | None:
    """The log of an activation that began at `start` (epoch ms), as in a record; None if no file here has it."""
    return await asyncio.to_thread(_logs_of, Path(folder), activation_id, start)


def _logs_of(folder: Path, activation_id: str, start: int) -> tuple[str, ...] | None:
    mark = mark_of(activation_id)
    for path in reversed(_files(folder)):
        with contextlib.suppress(OSError):
            if (path.stat().st_mtime + COARSE_SECONDS) * 1000 < start:
                continue
            entries = list(_lines_with(path, mark))
            if entries:
                return lines_in(iter(entries))
    return None


def _lines_with(path: Path, mark: bytes) -> Iterator[bytes]:
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size == 0:
            return
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            at = content.find(mark)
            while at >= 0:
                begin, end = content.rfind(b"\n", 0, at) + 1, content.find(b"\n", at)
                if end < 0:
                    return
                yield content[begin:end]
                at = content.find(mark, end)
