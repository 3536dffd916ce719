"""The key that the processes of a system share: 32 random bytes in a file that only its owner may read."""

from __future__ import annotations

import os
import secrets
import stat

SIZE = 32


class BadKeyFile(Exception):
    """The key file is readable by others, belongs to somebody else or is too short."""


def load_key(path: str) -> bytes:
    """The key in this file; the file is made if it is missing. BadKeyFile, OSError."""
    try:
        return _read(path)
    except FileNotFoundError:
        _create(path)
        return _read(path)


def _create(path: str) -> None:
    """All or nothing, so that a second process never sees half a key."""
    fresh = f"{path}.{os.getpid()}.{secrets.token_hex(4)}"
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        os.write(descriptor, secrets.token_bytes(SIZE))
    finally:
        os.close(descriptor)
    try:
        os.link(fresh, path)
    except FileExistsError:
        pass  # another process was first: its key is the key
    finally:
        os.unlink(fresh)


def _read(path: str) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        status = os.fstat(descriptor)
        if status.st_uid != os.geteuid():
            raise BadKeyFile(f"{path} belongs to user {status.st_uid}")
        if stat.S_IMODE(status.st_mode) & 0o077:
            raise BadKeyFile(f"{path} must have mode 0600")
        key = os.read(descriptor, 4096)
    finally:
        os.close(descriptor)
    if len(key) < SIZE:
        raise BadKeyFile(f"{path} holds {len(key)} bytes, {SIZE} are needed")
    return key
