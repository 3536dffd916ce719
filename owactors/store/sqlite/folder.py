"""The data folder: made if missing, and used by one process at a time."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import ClassVar

from attrs import define

from owactors.message.store import StoreUnavailable

LOCK = "store.lock"
DATABASE = "store.db"


@define(eq=False)
class DataFolder:
    """A folder that this process has claimed; `release` gives it free, so does the end of the process.

    The lock is one of the process, not of the open file: a forked child does not hold it any longer than we do.
    """

    path: Path
    _handle: int
    #: claimed by this process: such a lock does not keep the process itself out
    _claimed: ClassVar[dict[Path, int]] = {}

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.path / DATABASE

    @classmethod
    def claim(cls, path: Path) -> DataFolder:
        """StoreUnavailable: it cannot be made or written, or somebody uses it."""
        path = path.resolve()
        if cls._claimed.get(path) == os.getpid():
            raise _in_use(path, os.getpid())
        handle = _open(path)
        try:
            fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            owner = os.pread(handle, 20, 0).decode(errors="replace").strip()
            os.close(handle)
            raise _in_use(path, owner or "unknown") from None
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        cls._claimed[path] = os.getpid()
        return cls(path, handle)

    def release(self) -> None:
        """Lets others claim it. Harmless when repeated."""
        if self._handle >= 0:
            self._claimed.pop(self.path, None)
            os.close(self._handle)
            self._handle = -1


def _open(path: Path) -> int:
    try:
        path.mkdir(parents=True, exist_ok=True)
        return os.open(path / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StoreUnavailable(
            f"the data folder {path} cannot be used ({error.strerror}): choose another (--data-dir), "
            "or give this user the right to write it"
        ) from error


def _in_use(path: Path, owner: object) -> StoreUnavailable:
    return StoreUnavailable(
        f"the data folder {path} is in use by process {owner}: stop that one, or choose another (--data-dir)"
    )
