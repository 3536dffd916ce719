"""A store by the name of its back end."""

from __future__ import annotations

from pathlib import Path

from owactors.store.couchdb.settings import CouchSettings
from owactors.store.couchdb.store import CouchStore
from owactors.store.memory.store import MemoryStore
from owactors.store.port import Store
from owactors.store.sqlite.store import SqliteStore

BACKENDS = ("sqlite", "memory", "couchdb")


def open_store(backend: str, folder: Path, couchdb: CouchSettings | None = None) -> Store:
    """Opens "sqlite" in the data folder, "memory", or "couchdb" where its settings say.

    StoreUnavailable: why not, and what to do. Blocks shortly.
    """
    if backend == "sqlite":
        return SqliteStore.open(folder)
    if backend == "memory":
        return MemoryStore()
    if backend == "couchdb":
        return CouchStore.open(couchdb or CouchSettings())
    raise ValueError(f"no store {backend!r}; there are {', '.join(BACKENDS)}")
