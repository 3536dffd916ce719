"""What hosts agree on in the store, while several of them write it at the same time."""

from __future__ import annotations

import asyncio

import pytest

from owactors.message.host import HostIdentity, Wanted
from owactors.store.clusterhosts import DOCUMENT, controllers_of, give_place_up, holder_of, take_place, want, wanted_of
from owactors.store.couchdb.settings import CouchSettings
from owactors.store.instanceids import instance_id
from owactors.store.memory.store import MemoryStore
from owactors.store.open import open_store

FIRST, SECOND = HostIdentity("a", "folder", "life 1"), HostIdentity("b", "other", "life 2")


def test_what_is_wanted_of_a_host_holds_until_it_is_enabled() -> None:
    async def story() -> None:
        entities = MemoryStore().entities
        await want(entities, "a", Wanted.ENABLED)
        await want(entities, "a", Wanted.DRAINED)
        await want(entities, "b", Wanted.DISABLED)
        document = await entities.get(DOCUMENT)
        assert [wanted_of(document, name) for name in "abc"] == [Wanted.DRAINED, Wanted.DISABLED, Wanted.ENABLED]
        await want(entities, "a", Wanted.ENABLED)
        assert wanted_of(await entities.get(DOCUMENT), "a") is Wanted.ENABLED
        assert wanted_of({"wanted": {"a": "something of a later version"}}, "a") is Wanted.ENABLED

    asyncio.run(story())


def test_the_last_that_came_has_the_place() -> None:
    async def story() -> None:
        entities = MemoryStore().entities
        await take_place(entities, "invoker0", FIRST)
        await want(entities, "a", Wanted.DRAINED)
        revision = (await entities.get(DOCUMENT))["_rev"]
        await take_place(entities, "invoker0", FIRST)
        assert (await entities.get(DOCUMENT))["_rev"] == revision
        await take_place(entities, "invoker0", SECOND)
        document = await entities.get(DOCUMENT)
        assert (holder_of(document, "invoker0"), holder_of(document, "invoker1")) == (SECOND, None)
        assert wanted_of(document, "a") is Wanted.DRAINED

    asyncio.run(story())


def test_who_leaves_gives_up_its_place_but_not_that_of_its_successor() -> None:
    async def story() -> None:
        entities = MemoryStore().entities
        await give_place_up(entities, "controller0", FIRST)
        await take_place(entities, "controller0", FIRST)
        await take_place(entities, "controller1", SECOND)
        assert controllers_of(await entities.get(DOCUMENT)) == {"0", "1"}
        await give_place_up(entities, "controller0", SECOND)
        assert controllers_of(await entities.get(DOCUMENT)) == {"0", "1"}
        await give_place_up(entities, "controller0", FIRST)
        assert controllers_of(await entities.get(DOCUMENT)) == {"1"}

    asyncio.run(story())


@pytest.mark.scenario("IN-03")
@pytest.mark.services
def test_hosts_that_start_at_once_on_one_couchdb_get_a_number_each_and_their_places(couch: CouchSettings) -> None:
    """Each with a connection of its own, as on hosts of their own."""

    async def story() -> None:
        stores = [open_store("couchdb", __file__, couch) for _ in range(6)]  # type: ignore[arg-type]
        names = [f"host{number}" for number in range(12)]
        numbers = await asyncio.gather(
            *(instance_id(stores[place % 6].entities, name) for place, name in enumerate(names))
        )
        assert sorted(numbers) == list(range(12))
        again = await asyncio.gather(
            *(instance_id(stores[(place + 1) % 6].entities, name) for place, name in enumerate(names))
        )
        assert again == numbers
        hosts = {f"invoker{number}": HostIdentity(name, "", "") for name, number in zip(names, numbers, strict=True)}
        await asyncio.gather(
            *(take_place(stores[place % 6].entities, *pair) for place, pair in enumerate(hosts.items()))
        )
        document = await stores[0].entities.get(DOCUMENT)
        assert {role: holder_of(document, role) for role in hosts} == hosts
        for store in stores:
            await store.close()

    asyncio.run(story())
