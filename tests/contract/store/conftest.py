"""Every test of this folder runs over each back end: `store` is an open one, `loop_run` drives it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from owactors.store.couchdb.store import CouchStore
from owactors.store.memory.store import MemoryStore
from owactors.store.port import Store
from owactors.store.sqlite.store import SqliteStore
from tests.actor.remote_world import far_away
from tests.contract.store.stores import Driven
from tests.store.couchserver import CouchServer

OPENERS: dict[str, Callable[[Path], Store]] = {
    "memory": lambda folder: MemoryStore(),
    "remote": lambda folder: far_away(SqliteStore.open(folder)),
    "sqlite": SqliteStore.open,
}


@pytest.fixture(scope="session")
def couch_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CouchServer]:
    with CouchServer.running(tmp_path_factory.mktemp("couchdb")) as server:
        yield server


@pytest.fixture(params=[*sorted(OPENERS), pytest.param("couchdb", marks=pytest.mark.services)])
def driven(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Driven]:
    if request.param != "couchdb":
        with Driven.open(lambda: OPENERS[request.param](tmp_path / "data")) as driven:
            yield driven
        return
    server: CouchServer = request.getfixturevalue("couch_server")
    with server.databases() as settings, Driven.open(lambda: CouchStore.open(settings)) as driven:
        yield driven
