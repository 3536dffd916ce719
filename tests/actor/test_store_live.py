"""The store actor and its users as actors of real systems, each in its own process where the base can."""

from __future__ import annotations

import asyncio
import io
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from thespian.actors import ActorExitRequest, ActorSystem

from owactors.actor.store import GetStoreStatus, OpenStore, StoreActor, StoreNotOpened, StoreOpened, StoreStatus
from owactors.actorbase.unpickling import MessageUnpickler
from owactors.message.store import (
    DocumentConflict,
    NoDocument,
    StoreRecords,
    StoreRefused,
    StoreUnavailable,
)
from owactors.store.record import entry_of
from owactors.store.sqlite.store import SqliteStore
from tests.actor.live import BASES, start
from tests.actor.store_actors import Asker, Fetch, Fetched, Keep, Use
from tests.contract.store.stores import action, ids, record

SECONDS = 30


@pytest.fixture(scope="module", params=BASES)
def system(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ActorSystem]:
    system = start(request.param, tmp_path_factory.mktemp("actors"))
    yield system
    system.shutdown()


def ask(system: ActorSystem, address: Any, message: Any, kind: type) -> Any:
    answer = system.ask(address, message, SECONDS)
    assert isinstance(answer, kind), answer
    return answer


async def put(folder: Path) -> None:
    store = SqliteStore.open(folder)
    await store.entities.put(action("guest/a"))
    await store.close()


async def records(folder: Path) -> list[int]:
    store = SqliteStore.open(folder)
    try:
        return ids(await store.activations.list("guest"))
    finally:
        await store.close()


def test_a_document_and_records_between_processes(system: ActorSystem, tmp_path: Path) -> None:
    asyncio.run(put(tmp_path))
    store, asker = system.createActor(StoreActor), system.createActor(Asker)
    ask(system, store, OpenStore("sqlite", str(tmp_path)), StoreOpened)
    ask(system, asker, Use(store), Fetched)
    found = ask(system, asker, Fetch("guest/a"), Fetched)
    assert found.document["name"] == "a"
    assert "does not exist" in ask(system, asker, Fetch("guest/b"), Fetched).error
    assert ask(system, asker, Keep([record(n) for n in range(40)]), Fetched) == Fetched(None)
    status = ask(system, store, GetStoreStatus(), StoreStatus)
    assert status.trouble is None
    other = system.createActor(StoreActor)
    refused = ask(system, other, OpenStore("sqlite", str(tmp_path)), StoreNotOpened)
    assert "in use by process" in refused.reason
    for address in (asker, other, store):
        system.tell(address, ActorExitRequest())
    assert _when_free(tmp_path) == list(range(39, -1, -1))


def _when_free(folder: Path) -> list[int]:
    """The records, as soon as the actor has given the folder free."""

    async def wait() -> list[int]:
        async with asyncio.timeout(SECONDS):
            while True:
                try:
                    return await records(folder)
                except StoreUnavailable:
                    await asyncio.sleep(0.05)

    return asyncio.run(wait())


def test_messages_of_the_store_pass_our_base() -> None:
    """Each class that crosses a process must be one that the base's reader of messages lets in."""
    for error in (NoDocument("a"), DocumentConflict("a"), StoreUnavailable("a")):
        answer = StoreRefused(1, error)
        copy = MessageUnpickler(io.BytesIO(pickle.dumps(answer))).load()
        assert str(copy.error) == str(error)
    batch = StoreRecords(1, (entry_of(record(1)),), (("guest", "x"),))
    assert MessageUnpickler(io.BytesIO(pickle.dumps(batch))).load() == batch
