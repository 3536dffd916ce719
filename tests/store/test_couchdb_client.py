"""What the client makes of a server that is away, slow, broken, restarted, or whose answers get lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from attrs import evolve

from owactors.message.store import DocumentConflict, NoDocument, StoreUnavailable
from owactors.store.couchdb.client import CouchClient
from owactors.store.couchdb.database import CouchDatabase
from owactors.store.couchdb.settings import CouchSettings
from tests.store.fakecouch import LOST, SILENT, Asked, FakeCouch, Handler, Reply, in_turn

REVISION = "1-" + "a" * 32
SECOND = "2-" + "b" * 32
FOUND = Reply(200, {"_id": "x", "_rev": REVISION})
MISSING = Reply(404, {"error": "not_found", "reason": "missing"})
CONFLICT = Reply(409, {"error": "conflict", "reason": "Document update conflict."})
BUSY = Reply(503, {"error": "busy", "reason": "try later"})

Story = Callable[[FakeCouch, CouchDatabase], Awaitable[None]]


def play(answer: Handler, story: Story, **settings: Any) -> FakeCouch:
    """Runs the story against a server that answers so."""

    async def run() -> FakeCouch:
        server = FakeCouch(answer)
        async with server.running() as where, asyncio.timeout(60):
            client = CouchClient(evolve(where, **settings))
            await story(server, CouchDatabase(client, "t_whisks"))
            client.close()
        return server

    return asyncio.run(run())


def test_connections_are_kept() -> None:
    async def story(server: FakeCouch, database: CouchDatabase) -> None:
        for _ in range(5):
            await database.get("guest/a b+c")

    server = play(in_turn(FOUND), story, username="mira", password="s€cret")
    assert server.connections == 1
    assert {asked.path for asked in server.asked} == {"/t_whisks/guest%2Fa%20b%2Bc"}
    assert server.asked[0].headers["authorization"] == "Basic bWlyYTpz4oKsY3JldA=="
    assert server.asked[0].headers["accept"] == "application/json"


def test_many_at_once_share_a_bounded_number_of_connections() -> None:
    async def story(server: FakeCouch, database: CouchDatabase) -> None:
        await asyncio.gather(*(database.get("x") for _ in range(100)))

    server = play(in_turn(FOUND), story)
    assert len(server.asked) == 100
    assert server.connections <= 16


def test_chunked_answer() -> None:
    raw = b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n{"_id"\r\n5\r\n:"x"}\r\n0\r\n\r\n'

    async def story(server: FakeCouch, database: CouchDatabase) -> None:
        assert await database.get("x") == {"_id": "x"}
        assert await database.get("x") == {"_id": "x"}

    assert play(in_turn(Reply(raw=raw)), story).connections == 1


@pytest.mark.parametrize("trouble", [LOST, BUSY, Reply(raw=b"nonsense\r\n\r\n", close=True), Reply(429, {})])
def test_trouble_that_passes_is_not_seen(trouble: Reply) -> None:
    async def story(server: FakeCouch, database: CouchDatabase) -> None:
        assert (await database.get("x"))["_id"] == "x"
        assert database.client.trouble is None

    assert len(play(in_turn(trouble, trouble, FOUND), story).asked) == 3


def test_idle_connection_that_was_closed_is_replaced() -> None:
    async def story(server: FakeCouch, database: CouchDatabase) -> None:
        for _ in range(4):
            await database.get("x")
            await asyncio.sleep(0.01)

    server = play(in_turn(FOUND, Reply(200, {"_id": "x"}, close=True), FOUND), story)
    assert len(server.asked) == 4
    assert server.connections == 2


def test_idle_connection_that_is_just_closing_is_replaced() -> None:
    async def story(server: FakeCouch, database: CouchDatabase) -> None:
        await database.get("x")
        (connection,) = database.client._idle
        assert connection._transport is not None
        connection._transport.close()
        await database.get("x")

    assert play(in_turn(FOUND), story).connections == 2


def test_no_answer_in_time() -> None:
    async def story(server: FakeCouch, database: CouchDatabase) -> None:
        with pytest.raises(StoreUnavailable, match=r"no answer within 0\.1"):
            await database.get("x")
        assert "does not answer" in (database.client.trouble or "")
        server.answer = in_turn(FOUND)
        await database.get("x")
        assert database.client.trouble is None

    play(in_turn(SILENT), story, timeout=0.1, patience=0.05)


def test_server_that_stays_broken() -> None:
    async def story(server: FakeCouch, database: CouchDatabase) -> None:
        with pytest.raises(StoreUnavailable, match=r"answers 503 \(busy: try later"):
            await database.get("x")
        tries = len(server.asked)
        assert tries > 1
        with pytest.raises(StoreUnavailable):
            await database.get("x")
        assert len(server.asked) == tries + 1, "once it is known, a call fails at once"

    play(in_turn(BUSY), story, patience=0.3)


def test_server_away_and_back() -> None:
    async def story(server: FakeCouch, database: CouchDatabase) -> None:
        await database.get("x")

    async def run() -> None:
        server = FakeCouch(in_turn(FOUND))
        async with server.running() as settings:
            pass
        client = CouchClient(evolve(settings, patience=0.1))
        database = CouchDatabase(client, "t_whisks")
        with pytest.raises(StoreUnavailable, match=f"127.0.0.1:{server.port} does not answer"):
            await database.get("x")
        async with server.running():
            assert (await database.get("x"))["_rev"] == REVISION
        assert client.trouble is None
        client.close()

    asyncio.run(run())


@pytest.mark.parametrize("status", [401, 403])
def test_name_or_password_refused(status: int) -> None:
    async def story(server: FakeCouch, database: CouchDatabase) -> None:
        with pytest.raises(StoreUnavailable, match=r"refuses user mira.*couchdb\.password"):
            await database.get("x")
        assert len(server.asked) == 1

    play(in_turn(Reply(status, {"error": "unauthorized", "reason": "no"})), story, username="mira")


def test_missing_database_and_view_say_what_to_do() -> None:
    async def story(server: FakeCouch, database: CouchDatabase) -> None:
        with pytest.raises(StoreUnavailable, match="no database t_whisks: run `owactors store init`"):
            await database.get("x")
        server.answer = in_turn(Reply(404, {"error": "not_found", "reason": "missing_named_view"}))
        with pytest.raises(StoreUnavailable, match=r"no view whisks\.v2\.1\.0/actions"):
            await database.view("whisks.v2.1.0/actions")

    play(in_turn(Reply(404, {"error": "not_found", "reason": "Database does not exist."})), story)


# -- answers that got lost: the request was carried out, the repeat meets its own work


def test_put_meets_its_own_document() -> None:
    document = {"_id": "x", "name": "a", "n": 1.0}

    def answer(asked: Asked) -> Reply:
        if asked.method == "GET":
            return Reply(200, {"_id": "x", "_rev": REVISION, "name": "a", "n": 1})
        puts.append(asked)
        return LOST if len(puts) == 1 else CONFLICT

    async def story(server: FakeCouch, database: CouchDatabase) -> None:
        assert await database.put(document) == REVISION

    puts: list[Asked] = []
    play(answer, story)
    assert len(puts) == 2


@pytest.mark.parametrize(
    "current",
    [
        Reply(200, {"_id": "x", "_rev": SECOND, "name": "of somebody else"}),
        Reply(200, {"_id": "x", "_rev": "4-" + "c" * 32, "name": "a"}),
        MISSING,
    ],
)
def test_put_meets_somebody_elses_document(current: Reply) -> None:
    puts: list[Asked] = []

    def answer(asked: Asked) -> Reply:
        if asked.method == "GET":
            return current
        puts.append(asked)
        return LOST if len(puts) == 1 else CONFLICT

    async def story(server: FakeCouch, database: CouchDatabase) -> None:
        with pytest.raises(DocumentConflict):
            await database.put({"_id": "x", "_rev": REVISION, "name": "a"})

    play(answer, story)


def test_conflict_of_a_first_try_is_one() -> None:
    async def story(server: FakeCouch, database: CouchDatabase) -> None:
        with pytest.raises(DocumentConflict):
            await database.put({"_id": "x", "name": "a"})

    assert len(play(in_turn(CONFLICT), story).asked) == 1


def test_delete_meets_its_own_work() -> None:
    deletes: list[Asked] = []

    def answer(asked: Asked) -> Reply:
        if asked.method == "GET":
            return MISSING
        deletes.append(asked)
        return LOST if len(deletes) == 1 else MISSING

    async def story(server: FakeCouch, database: CouchDatabase) -> None:
        await database.delete("x", REVISION)

    play(answer, story)
    assert [asked.path for asked in deletes] == [f"/t_whisks/x?rev={REVISION}"] * 2


def test_delete_of_what_is_not_there() -> None:
    async def story(server: FakeCouch, database: CouchDatabase) -> None:
        for rev in (REVISION, "no revision"):
            with pytest.raises(NoDocument):
                await database.delete("x", rev)

    play(in_turn(MISSING), story)


def test_attach_meets_its_own_work() -> None:
    stub = {"digest": "md5-XUFAKrxLKna5cZ2REBfFkg==", "length": 5, "stub": True}
    puts: list[Asked] = []

    def answer(asked: Asked) -> Reply:
        if asked.method == "GET":
            return Reply(200, {"_id": "x", "_rev": SECOND, "_attachments": {"code": stub}})
        puts.append(asked)
        return LOST if len(puts) == 1 else CONFLICT

    async def story(server: FakeCouch, database: CouchDatabase) -> None:
        assert await database.attach("x", REVISION, "code", "text/plain", b"hello") == SECOND

    play(answer, story)
    assert puts[1].body == b"hello"
    assert puts[1].headers["content-type"] == "text/plain"


def test_one_client_on_two_loops() -> None:
    """As when a node's loop has ended and the store is closed on another."""

    async def once(client: CouchClient, server: FakeCouch) -> None:
        async with server.running():
            await CouchDatabase(client, "t_whisks").get("x")

    server = FakeCouch(in_turn(FOUND))

    async def port() -> CouchSettings:
        async with server.running() as settings:
            return settings

    client = CouchClient(asyncio.run(port()))
    asyncio.run(once(client, server))
    asyncio.run(once(client, server))
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://db:5984/", CouchSettings("http://db:5984")),
        ("https://mira:s%40x@db.example.com/couch/", CouchSettings("https://db.example.com/couch", "mira", "s@x")),
    ],
)
def test_url(url: str, expected: CouchSettings) -> None:
    assert CouchSettings.of(url) == expected
    assert "s@x" not in repr(expected)


@pytest.mark.parametrize("url", ["db:5984", "ftp://db", "http://", "http://db:port", ""])
def test_no_url(url: str) -> None:
    with pytest.raises(ValueError):
        CouchSettings.of(url)
