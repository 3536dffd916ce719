"""Every test of this folder runs over each back end: `store` is an open one, `loop_run` drives it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from owactors.store.memory.store import MemoryStore
from owactors.store.port import Store
from owactors.store.sqlite.store import SqliteStore
from tests.contract.store.stores import Driven

OPENERS: dict[str, Callable[[Path], Store]] = {
    "memory": lambda folder: MemoryStore(),
    "sqlite": SqliteStore.open,
}


@pytest.fixture(params=sorted(OPENERS))
def driven(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Driven]:
    with Driven.open(lambda: OPENERS[request.param](tmp_path / "data")) as driven:
        yield driven
