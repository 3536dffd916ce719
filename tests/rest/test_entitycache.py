"""What may have changed unheard is read again before it is used, and used as it is while the store is away."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from owactors.message.store import StoreUnavailable
from owactors.rest import entitycache
from owactors.rest.entitycache import REST, UNHEARD_SECONDS, EntityCache
from tests.rest.world import World

TTL = 300.0


class Reads:
    """A store with one document, whose reads wait for `gate` where there is one."""

    def __init__(self) -> None:
        self.now, self.value, self.reads = 100.0, "old", 0
        self.away, self.gate = False, asyncio.Event()
        self.gate.set()
        self.cache: EntityCache[str] = EntityCache(TTL, lambda: self.now)

    async def read(self, known: str | None = None) -> str | None:
        self.reads += 1
        value = self.value
        await self.gate.wait()
        if self.away:
            raise StoreUnavailable("away")
        return value

    async def get(self) -> str | None:
        """As the repository does."""
        known = await self.cache.get("x", self.read)
        if known is None:
            reading = self.cache.begin()
            known = await self.read()
            if known is not None:
                self.cache.keep("x", known, reading)
        return known


def play(story: Callable[[Reads], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with asyncio.timeout(60):
            store = Reads()
            assert await store.get() == "old"
            store.value = "new"
            await story(store)

    asyncio.run(whole())


@pytest.mark.parametrize("doubted", [None, ("x",)])
def test_what_is_doubted_is_read_again_once(doubted: tuple[str, ...] | None) -> None:
    async def story(store: Reads) -> None:
        assert await store.get() == "old"
        store.cache.doubt(doubted)
        assert [await store.get() for _ in range(3)] == ["new"] * 3
        assert store.reads == 2

    play(story)


def test_what_is_not_doubted_is_used() -> None:
    async def story(store: Reads) -> None:
        store.cache.doubt(("y",))
        assert (await store.get(), store.reads) == ("old", 1)

    play(story)


def test_while_not_all_is_heard_nothing_is_used_for_long() -> None:
    async def story(store: Reads) -> None:
        store.cache.hears = False
        assert await store.get() == "old"
        store.now += UNHEARD_SECONDS
        assert await store.get() == "new"
        store.value = "newer"
        store.cache.hears = True
        store.now += TTL - 1
        assert await store.get() == "new"
        store.now += 1
        assert await store.get() == "newer"

    play(story)


def test_while_the_store_is_away_it_is_used_and_the_store_is_asked_now_and_then() -> None:
    async def story(store: Reads) -> None:
        store.cache.doubt(None)
        store.away = True
        reading = store.cache.begin()
        assert [await store.get() for _ in range(5)] == ["old"] * 5
        assert store.reads == 2
        assert not store.cache.lasts(reading)
        store.now += REST
        assert [await store.get() for _ in range(5)] == ["old"] * 5
        assert store.reads == 3
        store.away = False
        store.now += REST
        assert [await store.get() for _ in range(5)] == ["new"] * 5
        assert store.reads == 4

    play(story)


def test_a_store_that_does_not_answer_is_not_waited_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entitycache, "PATIENCE", 0.01)

    async def story(store: Reads) -> None:
        store.cache.doubt(None)
        store.gate.clear()
        assert await asyncio.gather(*(store.get() for _ in range(5))) == ["old"] * 5
        assert [await store.get() for _ in range(5)] == ["old"] * 5
        assert store.reads == 2
        store.gate.set()
        store.now += REST
        assert await store.get() == "new"

    play(story)


def test_who_asks_at_the_same_time_waits_for_one_answer_but_for_none_from_before_a_change() -> None:
    async def story(store: Reads) -> None:
        store.cache.doubt(None)
        store.gate.clear()
        first = [asyncio.create_task(store.get()) for _ in range(3)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        store.value = "newer"
        store.cache.doubt(("x",))
        second = asyncio.create_task(store.get())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        store.gate.set()
        assert (await asyncio.gather(*first), await second) == (["new"] * 3, "newer")
        assert (store.reads, await store.get()) == (3, "newer")

    play(story)


def test_a_document_that_is_gone_is_gone() -> None:
    async def story(store: Reads) -> None:
        store.cache.doubt(None)
        store.value = None  # type: ignore[assignment]
        assert await store.get() is None

    play(story)


# -- over the API


def in_world(story: Callable[[World], Awaitable[None]]) -> None:
    async def whole() -> None:
        await story(await World().open())

    asyncio.run(whole())


async def says(world: World, path: str = "actions/x") -> Any:
    return (await world.ask("POST", f"{path}?blocking=true&result=true", {})).json()


async def change(world: World, doc_id: str, value: int) -> None:
    """As another controller does, whose messages are lost."""
    document = await world.store.entities.get(doc_id)
    await world.store.entities.put({**document, "parameters": [{"key": "far", "value": value}]})


def test_a_changed_package_shows_in_what_was_resolved() -> None:
    async def story(world: World) -> None:
        await world.ask("PUT", "packages/p", {})
        await world.make_action("p/x")
        assert await says(world, "actions/p/x") == {}
        await change(world, "guest/p", 1)
        assert await says(world, "actions/p/x") == {}
        world.application.api.repository.doubt(("guest/p",))
        assert await says(world, "actions/p/x") == {"far": 1}

    in_world(story)


def test_what_was_resolved_does_not_last_while_not_all_is_heard() -> None:
    async def story(world: World) -> None:
        await world.make_action("x")
        world.application.api.repository.hears = False
        assert await says(world) == {}
        await change(world, "guest/x", 1)
        assert await says(world) == {}
        world.clock.seconds += UNHEARD_SECONDS
        assert await says(world) == {"far": 1}

    in_world(story)


def test_what_was_doubtful_when_it_was_resolved_is_read_when_the_store_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(world: World) -> None:
        await world.make_action("x")
        assert await says(world) == {}
        await change(world, "guest/x", 1)

        async def away(self: Any, doc_id: str) -> Any:
            raise StoreUnavailable("away")

        world.application.api.repository.doubt(None)
        with monkeypatch.context() as patched:
            patched.setattr(type(world.store.entities), "get", away)
            assert [await says(world) for _ in range(2)] == [{}, {}]
        world.clock.seconds += REST
        assert await says(world) == {"far": 1}

    in_world(story)


@pytest.mark.parametrize("doubted", [True, False])
def test_a_deleted_action_and_one_of_another_kind(doubted: bool) -> None:
    async def story(world: World) -> None:
        await world.make_action("x")
        await says(world)
        document = await world.store.entities.get("guest/x")
        await world.store.entities.delete("guest/x", document["_rev"])
        if doubted:
            world.application.api.repository.doubt(None)
        found = await world.ask("POST", "actions/x?blocking=true", {})
        assert found.status == (404 if doubted else 200)
        world.application.api.repository.doubt(None)
        assert (await world.ask("PUT", "triggers/x", {})).status == 200
        assert (await world.ask("GET", "triggers/x")).status == 200
        assert (await world.ask("POST", "actions/x?blocking=true", {})).status == 409

    in_world(story)
