"""Acceptances between several nodes, and after a crash between a record and the end of its acceptance."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest
from attrs import evolve

from owactors.store.couchdb.settings import CouchSettings
from owactors.store.couchdb.store import CouchStore
from tests.contract.store.stores import activation_id, record
from tests.store.couchserver import plain

pytestmark = pytest.mark.services


def play(couch: CouchSettings, story: Callable[..., Awaitable[None]], *owners: str | None) -> None:
    """Runs the story with a store for each owner."""

    async def run() -> None:
        stores = [CouchStore.open(evolve(couch, owner=owner)) for owner in owners]
        try:
            await asyncio.wait_for(story(*stores), 60)
        finally:
            for store in stores:
                await store.close()

    asyncio.run(run())


def acceptances(couch: CouchSettings) -> list[str]:
    """Their documents."""
    rows = json.loads(plain(couch, "GET", f"/{couch.activations}/_all_docs"))["rows"]
    return [row["id"] for row in rows if row["id"].startswith("acceptance:")]


async def left(store: CouchStore) -> list[int]:
    return [int(one.activation_id, 16) for one in await store.activations.unfinished()]


def test_each_controller_sees_its_own_and_nobodys(couch: CouchSettings) -> None:
    async def story(first: CouchStore, second: CouchStore, nobody: CouchStore) -> None:
        await first.activations.accept(activation_id(1), "guest", b"")
        await second.activations.accept(activation_id(2), "guest", b"")
        await nobody.activations.accept(activation_id(3), "guest", b"")
        assert await left(first) == [1, 3]
        assert await left(second) == [2, 3]
        assert await left(nobody) == [1, 2, 3]

    play(couch, story, "0", "1", None)


def test_record_of_another_node_ends_the_acceptance(couch: CouchSettings) -> None:
    async def story(controller: CouchStore, invoker: CouchStore) -> None:
        for number in (1, 2):
            await controller.activations.accept(activation_id(number), "guest", b"")
        await invoker.activations.store(record(1))
        assert await left(controller) == [2]
        assert len(acceptances(couch)) == 2, "the invoker does not know of it"
        await controller.activations.usage()
        assert acceptances(couch) == [f"acceptance:guest/{activation_id(2)}"]
        assert await left(controller) == [2]

    play(couch, story, "0", None)


def test_own_record_takes_its_acceptance_along(couch: CouchSettings) -> None:
    async def story(store: CouchStore) -> None:
        await store.activations.accept(activation_id(1), "guest", b"")
        store.activations.store_soon(record(1))
        await store.activations.flush()
        await store.activations.flush()
        assert acceptances(couch) == []

    play(couch, story, "0")


def test_acceptance_does_not_come_back_when_its_record_is_removed(couch: CouchSettings) -> None:
    async def story(controller: CouchStore, invoker: CouchStore) -> None:
        await controller.activations.accept(activation_id(1), "guest", b"")
        await invoker.activations.store(record(1, start=10))
        assert await invoker.activations.remove_before("guest", 20, 10) == 1
        assert await left(controller) == []
        assert acceptances(couch) == []

    play(couch, story, "0", None)


def test_dismissed_by_another_node(couch: CouchSettings) -> None:
    async def story(controller: CouchStore, invoker: CouchStore) -> None:
        await controller.activations.accept(activation_id(1), "guest", b"")
        await invoker.activations.dismiss([("guest", activation_id(1)), ("guest", activation_id(2))])
        assert await left(controller) == []
        await controller.activations.dismiss([("guest", activation_id(1))])

    play(couch, story, "0", None)
