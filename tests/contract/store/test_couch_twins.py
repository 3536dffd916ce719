"""Whatever is done to them, the memory store and the CouchDB store answer the same."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from owactors.store.couchdb.store import CouchStore
from owactors.store.memory.store import MemoryStore
from owactors.store.port import Store
from tests.contract.store import test_twins
from tests.contract.store.stores import record
from tests.store.couchserver import CouchServer

pytestmark = pytest.mark.services


class CouchTwins(test_twins.Twins):
    """As there. Each record has a start of its own: of equal ones CouchDB decides by id, memory by arrival."""

    server: ClassVar[CouchServer]

    def __init__(self) -> None:
        RuleBasedStateMachine.__init__(self)
        self._runner = asyncio.Runner()
        self._databases = ExitStack()
        self._stores = (MemoryStore(), CouchStore.open(self._databases.enter_context(self.server.databases())))
        self._revisions = ({}, {})

    def teardown(self) -> None:
        for store in self._stores:
            self._runner.run(store.close())
        self._runner.close()
        self._databases.close()

    @rule(
        number=test_twins.NUMBERS,
        namespace=st.sampled_from(["guest", "mira"]),
        soon=st.booleans(),
        package=st.booleans(),
    )
    def store(self, number: int, namespace: str, soon: bool, package: bool) -> None:
        path = "aria/tools/greet" if package else "aria/greet"
        new = record(number, namespace, number, annotations=[{"key": "path", "value": path}])

        async def call(store: Store, _: dict[str, str]) -> None:
            if soon and await self._unknown(store, namespace, number):
                store.activations.store_soon(new)
            else:
                await store.activations.store(new)

        self._both(call)


@pytest.fixture(autouse=True)
def _server(couch_server: CouchServer) -> None:
    CouchTwins.server = couch_server


TestCouchTwins = pytest.mark.timeout(120)(CouchTwins.TestCase)
TestCouchTwins.settings = settings(
    max_examples=15, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck), database=None
)
