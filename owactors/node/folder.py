"""The data folder of a node: held by one node at a time, cleared of what a dead one left."""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import shutil
import tempfile
import time
from pathlib import Path
from types import TracebackType

from attrs import field, frozen

from owactors.actor.openfiles import listening_on, open_by
from owactors.node import leftovers

LOCK = "node.lock"
#: a socket's path may have 107 bytes; its name needs some of them
LONGEST = 80
#: files for commands on this machine: the key of the operator's routes, and where the node listens
ADMIN_KEY, NODE_URL = "admin.key", "node.url"
#: marks the folder, for ever
NODE_ID = "node.id"
#: seconds that the processes of a killed node may need to end
PATIENCE = 3.0


@frozen
class Keys:
    """What makes a node itself: the key of its operator, the mark of its data folder, and that of this life.

    All empty: an order is only tried.
    """

    admin: str = field(default="", repr=False)
    node: str = ""
    boot: str = ""


class FolderRefused(Exception):
    """The data folder cannot be used; the message says why and what to do."""


class DataFolder:
    """Held from `open` to `close`. `actors` is a fresh folder for the sockets of this boot."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None
        self._boots = _boots(path)

    def open(self) -> list[str]:
        """Takes the folder. What it did about things that a node which was killed left, a line each. FolderRefused."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(self.path / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as problem:
            reason = f"the data folder {self.path} cannot be used: {problem.strerror}"
            raise FolderRefused(f"{reason}; change that, or name another with --data-dir.") from problem
        return [line for line in [*self._hold(), *self._clear()] if line]

    def _hold(self) -> list[str]:
        """The processes of a node that was killed hold on for a moment; if they do for longer, they are ended."""
        if self._held_within(PATIENCE):
            return []
        left = leftovers.holders(self.path / LOCK)
        if not left or self._holder() in map(str, left):
            raise self._refusal()
        told = leftovers.end(left)
        if not self._held_within(PATIENCE):
            raise self._refusal()
        return [told]

    def _held_within(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while not self._try_to_hold():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True

    def _holder(self) -> str:
        """The process id of the node that took the lock last."""
        assert self._lock is not None
        return os.pread(self._lock, 20, 0).decode(errors="replace").strip()

    def _try_to_hold(self) -> bool:
        assert self._lock is not None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, str(os.getpid()).encode(), 0)
        return True

    def _refusal(self) -> FolderRefused:
        assert self._lock is not None
        holder = self._holder() or "unknown"
        os.close(self._lock)
        self._lock = None
        reason = f"the data folder {self.path} is in use by another node (process {holder})"
        return FolderRefused(f"{reason}; stop that one, or name another folder with --data-dir.")

    def _clear(self) -> list[str]:
        told = []
        for each in sorted(self._boots.iterdir()) if self._boots.is_dir() else []:
            told += [leftovers.end(leftovers.survivors(each)), leftovers.about(each)]
            shutil.rmtree(each, ignore_errors=True)
        for name in (ADMIN_KEY, NODE_URL):
            if (self.path / name).exists():
                (self.path / name).unlink()
                told.append(f"removed {self.path / name}: it was an earlier node's, which did not stop in order")
        return told

    def boot(self) -> Path:
        """A fresh folder for the sockets of an actor system; only this user may enter it."""
        made = self._boots / secrets.token_hex(4)
        made.mkdir(parents=True, mode=0o700)
        return made

    def keys(self) -> Keys:
        """For one life of the node."""
        return Keys(self.admin_key(), self._mark(), secrets.token_hex(8))

    def _mark(self) -> str:
        path = self.path / NODE_ID
        if not path.exists():
            path.write_text(secrets.token_hex(8))
        return path.read_text().strip()

    def admin_key(self) -> str:
        """A new key for the operator's routes, in a file that only this user may read."""
        key = secrets.token_urlsafe(32)
        file = os.open(self.path / ADMIN_KEY, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(file, "w") as opened:
            os.fchmod(opened.fileno(), 0o600)
            opened.write(key)
        return key

    def announce(self, url: str) -> None:
        """Lets commands on this machine find the node."""
        (self.path / NODE_URL).write_text(url)

    def close(self) -> None:
        """Gives the folder free. One that could not be taken is somebody else's: nothing in it is touched."""
        if self._lock is None:
            return
        for name in (ADMIN_KEY, NODE_URL):
            (self.path / name).unlink(missing_ok=True)
        shutil.rmtree(self._boots, ignore_errors=True)
        os.close(self._lock)
        self._lock = None

    def __enter__(self) -> DataFolder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def serves(path: Path, port: int) -> bool:
    """This port is used by a node with this data folder, or by what is left of one."""
    users = set(open_by(sockets)) if (sockets := listening_on(port)) else set()
    boots = _boots(path)
    own = {*leftovers.holders(path / LOCK)}
    for boot in boots.iterdir() if boots.is_dir() else ():
        own.update(leftovers.survivors(boot))
    return bool(users) and users <= own


def _boots(path: Path) -> Path:
    """Inside the data folder, or where that is too deep for a socket, a folder that is named after it."""
    inside = path.absolute() / "actors"
    if len(os.fsencode(inside)) <= LONGEST:
        return inside
    mark = hashlib.sha256(os.fsencode(path.absolute())).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"owactors-{os.getuid()}-{mark}"
