"""A store copied into another: everything arrives, a second time changes nothing, a broken copy can be repeated."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from owactors.message.store import NoDocument
from owactors.store.copy import Copied, copy_store
from owactors.store.couchdb.settings import CouchSettings
from owactors.store.couchdb.store import CouchStore
from owactors.store.memory.store import MemoryStore
from owactors.store.port import Store
from owactors.store.sqlite.store import SqliteStore
from tests.contract.store.stores import action, activation_id, record, sample

Json = dict[str, Any]
ENTITIES = ("package_doc", "binding_doc", "trigger_doc", "rule_doc", "sequence_doc")


async def fill(store: Store) -> None:
    for name in ("subject_doc", "subject_doc_blocked", "limits_doc"):
        await store.subjects.put(sample(name))
    for name in ENTITIES:
        await store.entities.put(sample(name))
    revision = await store.entities.put(action("guest/a"))
    await store.entities.attach("guest/a", revision, "code", "application/octet-stream", b"\x00\xff" * 500)
    for number in range(450):
        store.activations.store_soon(record(number, start=1000 + number // 300))
    store.activations.store_soon(
        record(7, "mira", response={"statusCode": 0, "result": {"n": 2**60 + 1, "s": "\ud800"}})
    )
    await store.activations.flush()
    await store.activations.accept(activation_id(9000), "guest", b"\x00call")


async def content(store: Store) -> Json:
    """Everything that must be equal."""
    documents = {}
    for part in (store.subjects, store.entities):
        for doc_id in await part.ids():
            documents[doc_id] = {key: value for key, value in (await part.get(doc_id)).items() if key[0] != "_"}
    records = {
        (namespace, one["activationId"]): one
        for namespace in ("guest", "mira")
        for one in await store.activations.list(namespace, docs=True)
    }
    unfinished = [(one.namespace, one.activation_id, one.message) for one in await store.activations.unfinished()]
    return {
        "documents": documents,
        "code": await store.entities.attachment("guest/a", "code"),
        "records": records,
        "unfinished": unfinished,
    }


@pytest.fixture(params=["sqlite", pytest.param("couchdb", marks=pytest.mark.services)])
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Store]]:
    if request.param == "sqlite":
        yield lambda: SqliteStore.open(tmp_path / "data")
    else:
        settings: CouchSettings = request.getfixturevalue("couch")
        yield lambda: CouchStore.open(settings)


def test_there_and_back(opener: Callable[[], Store]) -> None:
    async def story() -> None:
        first, last, between = MemoryStore(), MemoryStore(), opener()
        await fill(first)
        copied = await copy_store(first, between)
        assert copied == Copied(subjects=3, entities=6, attachments=1, records=451, acceptances=1)
        assert await content(between) == await content(first)
        again = await copy_store(first, between)
        assert (again.subjects, again.entities, again.attachments, again.present) == (0, 0, 0, 9)
        assert await content(between) == await content(first)
        await copy_store(between, last)
        assert await content(last) == await content(first)
        await between.close()

    asyncio.run(asyncio.wait_for(story(), 100))


def test_what_is_there_stays() -> None:
    async def story() -> None:
        first, second = MemoryStore(), MemoryStore()
        await fill(first)
        await second.entities.put(action("guest/a", 5, version="9.9.9"))
        await second.activations.store(record(1, name="mine"))
        await copy_store(first, second)
        assert (await second.entities.get("guest/a"))["version"] == "9.9.9"
        with pytest.raises(NoDocument):
            await second.entities.attachment("guest/a", "code")
        assert (await second.activations.get("guest", activation_id(1)))["name"] == "mine"

    asyncio.run(story())


def test_broken_copy_gets_its_attachments_when_it_is_repeated() -> None:
    async def story() -> None:
        first, second = MemoryStore(), MemoryStore()
        await fill(first)
        await second.entities.put(action("guest/a"))
        copied = await copy_store(first, second)
        assert (copied.attachments, copied.present) == (1, 1)
        assert await content(second) == await content(first)

    asyncio.run(story())


def test_records_of_one_moment_are_more_than_a_page() -> None:
    async def story() -> None:
        first, second = MemoryStore(), MemoryStore()
        for number in range(1000):
            first.activations.store_soon(record(number, start=5))
        copied = await copy_store(first, second)
        assert copied.records == 1000
        assert await second.activations.count("guest") == 1000

    asyncio.run(story())
