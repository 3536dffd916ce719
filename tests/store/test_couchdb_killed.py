"""The server is killed and started again in the middle of writes: nothing that was confirmed is lost."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from owactors.message.store import DocumentConflict, StoreUnavailable
from owactors.store.couchdb.settings import CouchSettings
from owactors.store.couchdb.store import CouchStore
from tests.contract.store.stores import action, activation_id, ids, record
from tests.store.couchserver import CouchServer

pytestmark = pytest.mark.services


class Writers:
    """Three who write without pause, and note what was confirmed to them."""

    def __init__(self, store: CouchStore) -> None:
        self.store = store
        self.stop = asyncio.Event()
        self.stored: list[int] = []
        self.soon: list[int] = []
        self.accepted: list[int] = []
        self.documents: dict[str, str] = {}
        self.refused = 0

    @property
    def confirmed(self) -> int:
        return len(self.stored) + len(self.accepted) + len(self.documents)

    async def run(self) -> None:
        await asyncio.gather(self._records(), self._acceptances(), self._documents())

    async def _records(self) -> None:
        number = 0
        while not self.stop.is_set():
            number += 2
            self.store.activations.store_soon(record(number))
            self.soon.append(number)
            try:
                await self.store.activations.store(record(number + 1))
                self.stored.append(number + 1)
            except StoreUnavailable:
                self.refused += 1
                await asyncio.sleep(0.02)

    async def _acceptances(self) -> None:
        number = 1_000_000
        while not self.stop.is_set():
            number += 1
            try:
                await self.store.activations.accept(activation_id(number), "guest", b"%d" % number)
                self.accepted.append(number)
            except StoreUnavailable:
                self.refused += 1
                await asyncio.sleep(0.02)

    async def _documents(self) -> None:
        number = 0
        while not self.stop.is_set():
            number += 1
            try:
                revision = await self.store.entities.put(action(f"guest/a{number}", number))
                self.documents[f"guest/a{number}"] = revision
            except (StoreUnavailable, DocumentConflict) as refusal:
                assert isinstance(refusal, StoreUnavailable), "nobody else writes these"
                self.refused += 1
                await asyncio.sleep(0.02)

    async def until_confirmed(self, more: int) -> None:
        wanted = self.confirmed + more
        async with asyncio.timeout(60):
            while self.confirmed < wanted:
                await asyncio.sleep(0.01)


async def killed_twice(server: CouchServer, settings: CouchSettings) -> Writers:
    store = CouchStore.open(settings)
    writers = Writers(store)
    writing = asyncio.create_task(writers.run())
    for _ in range(2):
        await writers.until_confirmed(40)
        await asyncio.to_thread(server.kill)
        refused = writers.refused
        async with asyncio.timeout(60):
            while writers.refused == refused:
                await asyncio.sleep(0.01)
        assert store.trouble is not None
        await asyncio.to_thread(server.start)
    await writers.until_confirmed(40)
    assert store.trouble is None
    writers.stop.set()
    await writing
    await store.activations.flush()
    await store.close()
    return writers


async def what_is_left(settings: CouchSettings) -> tuple[list[int], list[int], dict[str, str]]:
    store = CouchStore.open(settings)
    try:
        rows = await store.activations.list("guest")
        unfinished = [int(one.activation_id, 16) for one in await store.activations.unfinished()]
        documents = {
            doc_id: (await store.entities.get(doc_id))["_rev"] for doc_id in await store.entities.ids(most=10_000)
        }
        return ids(rows), unfinished, documents
    finally:
        await store.close()


def test_nothing_confirmed_is_lost(tmp_path: Path) -> None:
    with CouchServer.running(tmp_path / "server", own=True, memory=False) as server:
        settings = CouchSettings.of(server.url)
        writers = asyncio.run(killed_twice(server, settings))
        records, unfinished, documents = asyncio.run(what_is_left(settings))
    assert set(writers.stored) <= set(records)
    assert set(writers.soon) <= set(records)
    assert len(records) == len(set(records))
    assert set(writers.accepted) <= set(unfinished)
    assert writers.documents.items() <= documents.items()
    assert writers.refused > 0
