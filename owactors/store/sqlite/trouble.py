"""What SQLite's errors mean for the person who runs the node, and what to do about them."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from owactors.message.store import StoreUnavailable

_MEANINGS = {
    "SQLITE_FULL": "the disk is full at {path}: free some space; nothing that was confirmed is lost",
    "SQLITE_READONLY": "{path} cannot be written: give this user the right to write it, or mount it writable",
    "SQLITE_PERM": "{path} cannot be written: give this user the right to write it",
    "SQLITE_CANTOPEN": "{path} cannot be opened: see that the folder exists and this user may write in it",
    "SQLITE_IOERR": "the disk under {path} answers with errors: look into the system's log, then start again",
    "SQLITE_CORRUPT": "{path} is damaged: put back a copy of it, or move it away to begin with an empty store",
    "SQLITE_NOTADB": "{path} is not a store or is damaged: put back a copy, or move it away to begin anew",
    "SQLITE_BUSY": "{path} is held by another program: close what has it open",
    "SQLITE_LOCKED": "{path} is held by another program: close what has it open",
}


def unavailable(error: sqlite3.Error, path: Path) -> StoreUnavailable:
    """The error in the words of the product. Extended codes (SQLITE_IOERR_WRITE) mean what their stem means."""
    name = getattr(error, "sqlite_errorname", "") or ""
    for stem, meaning in _MEANINGS.items():
        if name.startswith(stem):
            return StoreUnavailable(f"{meaning.format(path=path)} ({error})")
    return StoreUnavailable(f"{path} cannot be used: {error}")
