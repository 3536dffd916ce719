"""A CouchDB that the tests of this folder share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from owactors.store.couchdb.settings import CouchSettings
from tests.store.couchserver import CouchServer


@pytest.fixture(scope="session")
def couch_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CouchServer]:
    with CouchServer.running(tmp_path_factory.mktemp("couchdb")) as server:
        yield server


@pytest.fixture
def couch(couch_server: CouchServer) -> Iterator[CouchSettings]:
    """Databases of this test's own, not made yet."""
    with couch_server.databases() as settings:
        yield settings
