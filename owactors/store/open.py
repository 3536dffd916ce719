"""A store by the name of its back end."""

from __future__ import annotations

from pathlib import Path

from owactors.store.memory.store import MemoryStore
from owactors.store.port import Store
from owactors.store.sqlite.store import SqliteStore

BACKENDS = ("sqlite", "memory")


def open_store(backend: str, folder: Path) -> Store:
    """Opens "sqlite" in the data folder, or "memory". StoreUnavailable: why not, and what to do. Blocks shortly."""
    if backend == "sqlite":
        return SqliteStore.open(folder)
    if backend == "memory":
        return MemoryStore()
    raise ValueError(f"no store {backend!r}; there are {', '.join(BACKENDS)}")
