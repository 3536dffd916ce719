"""The store from afar: questions, batches of records, a store actor that refuses, is silent, moves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from owactors.actor.store import ServeStore, StoreActor
from owactors.actor.storeclient import StoreUser
from owactors.message.store import (
    BlockedNamespaces,
    DocumentFound,
    GetDocument,
    NoDocument,
    Stored,
    StoreRecords,
    StoreRefused,
    StoreUnavailable,
)
from owactors.store.memory.store import MemoryStore
from owactors.store.port import Store
from owactors.store.sqlite.store import SqliteStore
from tests.actor.store_world import World
from tests.contract.store.stores import action, activation_id, ids, record, sample


class Scene:
    """A store, its actor, and an actor that uses it."""

    def __init__(self, store: Store, user: StoreUser | None = None) -> None:
        self.world = World()
        self.store = store
        self.store_address = self.world.add("store", StoreActor())
        self.user = user or StoreUser()
        self.user_address = self.world.add("user", self.user)
        self.world.tell(self.store_address, ServeStore(store))
        self.user.use_store(self.store_address)
        self.client = self.user.store


def play(story: Callable[[Scene], Coroutine[Any, Any, None]], store: Callable[[], Store] = MemoryStore) -> None:
    async def run() -> None:
        scene = Scene(store())
        try:
            await asyncio.wait_for(story(scene), 60)
        finally:
            scene.world.close()
            await scene.store.close()

    asyncio.run(run())


def test_questions(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        revision = await scene.store.entities.put(action("guest/a"))
        await scene.store.entities.attach("guest/a", revision, "code", "text/plain", b"x")
        await scene.store.subjects.put(sample("subject_doc_blocked"))
        assert (await scene.client.get("guest/a"))["name"] == "a"
        assert await scene.client.attachment("guest/a", "code") == ("text/plain", b"x")
        assert await scene.client.blocked_namespaces() == {"noisy"}
        with pytest.raises(NoDocument) as caught:
            await scene.client.get("guest/b")
        assert caught.value.doc_id == "guest/b"
        await scene.client.accept(activation_id(1), "guest", b"m")
        assert len(await scene.store.activations.unfinished()) == 1
        await scene.client.store(record(1))
        assert await scene.client.record("guest", activation_id(1)) == record(1)
        assert await scene.store.activations.unfinished() == ()

    play(story, lambda: SqliteStore.open(tmp_path))


def test_answers_in_any_order_find_their_question() -> None:
    async def story(scene: Scene) -> None:
        held: list[Any] = []
        scene.world.passes = lambda message: not (isinstance(message, GetDocument) and [held.append(message)])
        one = asyncio.create_task(scene.client.get("guest/1"))
        two = asyncio.create_task(scene.client.get("guest/2"))
        await scene.world.until(lambda: len(held) == 2)
        for question in reversed(held):
            scene.world.tell(scene.user_address, DocumentFound(question.request, {"_id": question.doc_id}))
        assert await one == {"_id": "guest/1"}
        assert await two == {"_id": "guest/2"}

    play(story)


def test_silence_is_an_error_after_a_while_and_a_late_answer_means_nothing() -> None:
    async def story(scene: Scene) -> None:
        scene.client.patience = 0.05
        scene.world.passes = lambda message: not isinstance(message, GetDocument)
        with pytest.raises(StoreUnavailable, match=r"did not answer within 0\.05 s"):
            await scene.client.get("guest/a")
        (question,) = scene.world.sent(GetDocument)
        scene.world.tell(scene.user_address, DocumentFound(question.request, {}))
        scene.world.tell(scene.user_address, Stored(99))
        scene.world.tell(scene.user_address, BlockedNamespaces(98, frozenset()))
        scene.world.tell(scene.user_address, StoreRefused(97, StoreUnavailable("")))
        await asyncio.sleep(0.01)
        assert len(scene.client.outbox) == 0

    play(story)


def test_records_travel_in_batches(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        for number in range(100):
            scene.client.store_soon(record(number))
        assert len(scene.client.outbox) == 100
        await scene.client.flush()
        assert len(scene.client.outbox) == 0
        (batch,) = scene.world.sent(StoreRecords)
        assert len(batch.entries) == 100
        assert ids(await scene.store.activations.list("guest", limit=2)) == [99, 98]
        await scene.client.flush()

    play(story, lambda: SqliteStore.open(tmp_path))


def test_what_comes_while_a_batch_is_under_way_makes_the_next() -> None:
    async def story(scene: Scene) -> None:
        scene.client.store_soon(record(1))
        await scene.world.until(lambda: scene.world.sent(StoreRecords))
        scene.client.store_soon(record(2))
        waiting = [asyncio.create_task(scene.client.store(record(number))) for number in (3, 4)]
        await asyncio.gather(*waiting)
        assert await scene.store.activations.count("guest") == 4
        await scene.client.flush()

    play(story)


def test_refused_records_are_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(scene: Scene) -> None:
        refusals = [StoreUnavailable("the disk is full")] * 2
        keep = scene.store.activations.store_all

        async def store_all(entries: Any) -> None:
            if refusals:
                raise refusals.pop()
            await keep(entries)

        monkeypatch.setattr(type(scene.store.activations), "store_all", lambda _, entries: store_all(entries))
        await scene.client.store(record(1))
        assert await scene.store.activations.count("guest") == 1
        assert len(scene.world.sent(StoreRecords)) == 3
        assert scene.client.outbox.failures == 0

    play(story)


def test_lost_messages_either_way_neither_lose_nor_double_a_record() -> None:
    async def story(scene: Scene) -> None:
        lost: list[Any] = []

        def passes(message: Any) -> bool:
            if isinstance(message, StoreRecords | Stored) and len(lost) < 2 and type(message) not in map(type, lost):
                lost.append(message)
                return False
            return True

        scene.world.passes = passes
        scene.client.patience = 0.05
        await scene.client.store(record(1))
        assert [type(message) for message in lost] == [StoreRecords, Stored]
        assert await scene.store.activations.count("guest") == 1

    play(story)


def test_a_store_that_moved_gets_what_was_not_confirmed() -> None:
    async def story(scene: Scene) -> None:
        scene.world.passes = lambda message: not isinstance(message, Stored)
        scene.client.store_soon(record(1))
        await scene.world.until(lambda: scene.world.sent(StoreRecords))
        moved = MemoryStore()
        address = scene.world.add("new store", StoreActor())
        scene.world.tell(address, ServeStore(moved))
        scene.world.passes = lambda message: True
        scene.user.use_store(address)
        await scene.client.flush()
        assert await moved.activations.count("guest") == 1

    play(story)


def test_too_much_waiting_is_refused() -> None:
    async def story(scene: Scene) -> None:
        scene.client.outbox.most_records = 1
        scene.client.store_soon(record(1))
        with pytest.raises(StoreUnavailable, match="wait for the store"):
            scene.client.store_soon(record(2))
        with pytest.raises(StoreUnavailable, match="wait for the store"):
            await scene.client.store(record(3))
        await scene.client.flush()
        await scene.client.store(record(2))

    play(story)
