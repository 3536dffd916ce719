"""Records on their way: batches, trouble, what is too large, and what is left when the store closes."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from attrs import evolve

from owactors.message.store import StoreUnavailable
from owactors.store.couchdb.client import CouchClient
from owactors.store.couchdb.database import CouchDatabase
from owactors.store.couchdb.outbox import Outbox
from owactors.store.couchdb.records import record_parcel
from owactors.store.couchdb.settings import CouchSettings
from owactors.store.couchdb.store import CouchStore
from owactors.store.record import entry_of
from tests.contract.store.stores import record
from tests.store.fakecouch import LOST, Asked, FakeCouch, Handler, Reply


class Bulk:
    """Answers bulk writes as CouchDB does; keeps the documents."""

    def __init__(self, largest: int = 1 << 30) -> None:
        self.kept: dict[str, dict[str, Any]] = {}
        self.largest = largest

    def __call__(self, asked: Asked) -> Reply:
        if len(asked.body) > self.largest:
            return Reply(413, {"error": "document_too_large", "reason": "too large"})
        return Reply(201, [self._row(document) for document in asked.json["docs"]])

    def _row(self, document: dict[str, Any]) -> dict[str, Any]:
        if document["_id"] in self.kept:
            return {"id": document["_id"], "error": "conflict", "reason": "Document update conflict."}
        self.kept[document["_id"]] = document
        return {"ok": True, "id": document["_id"], "rev": "1-" + "a" * 32}


def play(answer: Handler, story: Callable[[FakeCouch, Outbox], Awaitable[None]], **settings: Any) -> FakeCouch:
    async def run() -> FakeCouch:
        server = FakeCouch(answer)
        async with server.running() as where, asyncio.timeout(60):
            client = CouchClient(evolve(where, patience=0.1))
            await story(server, Outbox(CouchDatabase(client, "t_activations"), **settings))
            client.close()
        return server

    return asyncio.run(run())


def parcel(number: int, **fields: Any) -> Any:
    return record_parcel(entry_of(record(number, **fields)))


def sizes(server: FakeCouch) -> list[int]:
    """Documents per bulk write."""
    return [len(asked.json["docs"]) for asked in server.asked]


def test_what_comes_at_once_goes_together() -> None:
    bulk = Bulk()

    async def story(server: FakeCouch, outbox: Outbox) -> None:
        await asyncio.gather(*(outbox.send([parcel(number)]) for number in range(50)))
        for number in range(100, 150):
            outbox.soon(parcel(number))
        await outbox.flush()

    server = play(bulk, story)
    assert len(bulk.kept) == 100
    assert len(server.asked) <= 4


def test_batches_have_a_bound() -> None:
    bulk = Bulk()

    async def story(server: FakeCouch, outbox: Outbox) -> None:
        await outbox.send([parcel(number) for number in range(25)])

    assert sizes(play(bulk, story, batch_documents=10)) == [10, 10, 5]
    assert len(bulk.kept) == 25
    assert max(sizes(play(Bulk(), story, batch_bytes=1000))) <= 3


def test_document_has_what_openwhisk_writes() -> None:
    bulk = Bulk()

    async def story(server: FakeCouch, outbox: Outbox) -> None:
        await outbox.send([parcel(7)])

    play(bulk, story)
    document = bulk.kept[f"guest/{7:032x}"]
    assert document.pop("updated") > 1_600_000_000_000
    assert document == {"_id": f"guest/{7:032x}", "entityType": "activation", **record(7)}


def test_answer_that_got_lost_is_no_second_record_and_no_failure() -> None:
    bulk = Bulk()
    answers: list[Reply] = []

    def answer(asked: Asked) -> Reply:
        answers.append(bulk(asked))
        return LOST if len(answers) == 1 else answers[-1]

    async def story(server: FakeCouch, outbox: Outbox) -> None:
        await outbox.send([parcel(1), parcel(2)])

    play(answer, story)
    assert len(answers) == 2
    assert len(bulk.kept) == 2


def test_records_are_kept_and_tried_again_while_the_server_is_away() -> None:
    bulk = Bulk()

    async def story(server: FakeCouch, outbox: Outbox) -> None:
        for number in range(5):
            outbox.soon(parcel(number))
        with pytest.raises(StoreUnavailable, match="answers 500"):
            await outbox.flush()
        with pytest.raises(StoreUnavailable):
            await outbox.send([parcel(9)])
        assert outbox.waiting("guest", f"{3:032x}") is not None
        assert outbox.waits_for("guest")
        server.answer = bulk
        await outbox.flush()
        assert not outbox.waits_for("guest")
        assert outbox.unconfirmed() == []

    play(lambda _: Reply(500, {"error": "internal", "reason": "broken"}), story)
    assert len(bulk.kept) == 5


def test_healing_needs_nobody_to_ask() -> None:
    bulk = Bulk()

    async def story(server: FakeCouch, outbox: Outbox) -> None:
        outbox.soon(parcel(1))
        while outbox.database.client.trouble is None:
            await asyncio.sleep(0.01)
        server.answer = bulk
        while not bulk.kept:
            await asyncio.sleep(0.01)

    play(lambda _: Reply(500, {}), story)


def test_backlog_has_a_bound() -> None:
    async def story(server: FakeCouch, outbox: Outbox) -> None:
        for number in range(3):
            outbox.soon(parcel(number))
        with pytest.raises(StoreUnavailable, match="3 records"):
            outbox.soon(parcel(4))
        await outbox.flush()
        outbox.soon(parcel(4))
        await outbox.flush()
        with pytest.raises(StoreUnavailable, match="wait for CouchDB"):
            outbox.soon(parcel(5, logs=["x" * 10_000]))

    play(Bulk(), story, most_records=3, most_bytes=5_000)


def test_one_that_is_too_large_harms_no_other_and_is_kept_smaller() -> None:
    bulk = Bulk(largest=5_000)

    async def story(server: FakeCouch, outbox: Outbox) -> None:
        large = parcel(3, logs=["x" * 1000] * 9)
        huge = {"statusCode": 0, "result": {"text": "x" * 9000}}
        await outbox.send([parcel(1), parcel(2), large, parcel(4), parcel(5, response=huge, logs=[])])
        outbox.soon(parcel(6, response=huge))
        await outbox.flush()

    play(bulk, story)
    kept = {int(document["activationId"], 16): document for document in bulk.kept.values()}
    assert sorted(kept) == [1, 2, 3, 4, 5, 6]
    assert kept[3]["response"] == record(3)["response"]
    assert kept[3]["logs"][0].startswith("9 lines left out")
    assert "left out" in kept[5]["response"]["result"]["error"]
    assert kept[6]["response"]["statusCode"] == 0


def test_one_that_cannot_be_made_small_enough_is_refused_to_who_waits(caplog: pytest.LogCaptureFixture) -> None:
    bulk = Bulk(largest=1_000)

    async def story(server: FakeCouch, outbox: Outbox) -> None:
        annotations = [{"key": "k", "value": "x" * 2000}]
        with pytest.raises(StoreUnavailable, match="refuses guest/"):
            await outbox.send([parcel(1), parcel(2, annotations=annotations)])
        outbox.soon(parcel(3, annotations=annotations))
        await outbox.flush()

    play(bulk, story)
    assert len(bulk.kept) == 1
    assert "which is lost" in caplog.text


def test_one_that_is_refused_for_now_is_tried_again() -> None:
    bulk = Bulk()

    def picky(asked: Asked) -> Reply:
        rows = bulk(asked).value
        for row in rows:
            if row["id"].endswith("2") and row.get("ok"):
                del bulk.kept[row["id"]]
                row.update(error="forbidden", reason="not now")
        return Reply(201, rows)

    async def story(server: FakeCouch, outbox: Outbox) -> None:
        for number in (1, 2, 3):
            outbox.soon(parcel(number))
        with pytest.raises(StoreUnavailable, match="not now"):
            await outbox.flush()
        assert len(bulk.kept) == 2
        server.answer = bulk
        await outbox.flush()

    play(picky, story)
    assert len(bulk.kept) == 3


# -- closing


def close(answer: Handler, *, now: bool) -> FakeCouch:
    """Hands a record over and closes the store at once."""

    async def run() -> FakeCouch:
        server = FakeCouch(answer)
        async with server.running() as where:
            store = CouchStore(evolve(where, patience=0.1))
            store.activations.store_soon(record(1))
            if now:
                await asyncio.to_thread(store.close_now)
            else:
                await store.close()
            with pytest.raises(StoreUnavailable, match="closed"):
                store.activations.store_soon(record(2))
            with pytest.raises(StoreUnavailable, match="closed"):
                await store.activations.store(record(3))
        return server

    return asyncio.run(asyncio.wait_for(run(), 60))


@pytest.mark.parametrize("now", [False, True])
def test_closing_writes_what_waits(now: bool) -> None:
    bulk = Bulk()
    close(bulk, now=now)
    assert len(bulk.kept) == 1


@pytest.mark.parametrize("now", [False, True])
def test_closing_without_a_server_says_what_is_lost(now: bool, caplog: pytest.LogCaptureFixture) -> None:
    close(lambda _: Reply(500, {}), now=now)
    assert "without having written 1 entries" in caplog.text


def test_closing_in_a_loop_that_stands_still() -> None:
    """An actor that exits closes its store in the middle of its loop."""
    bulk = Bulk()
    places: queue.Queue[CouchSettings] = queue.Queue()
    closed = threading.Event()

    async def serve() -> None:
        async with FakeCouch(bulk).running() as where:
            places.put(where)
            while not closed.is_set():
                await asyncio.sleep(0.01)

    async def use(store: CouchStore) -> None:
        store.activations.store_soon(record(1))
        await asyncio.sleep(0)
        store.close_now()
        assert list(bulk.kept) == [f"guest/{1:032x}"]

    server = threading.Thread(target=lambda: asyncio.run(serve()))
    server.start()
    try:
        asyncio.run(use(CouchStore(places.get(timeout=30))))
    finally:
        closed.set()
        server.join()
