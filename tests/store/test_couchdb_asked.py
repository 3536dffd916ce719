"""The requests that CouchDB gets for lists, counts and documents: ranges as OpenWhisk's client asks for them."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from owactors.store.couchdb.store import CouchStore
from tests.store.fakecouch import Asked, FakeCouch, Reply

REVISION = "3-" + "a" * 32
TOP = "\ufff0"


def answer(asked: Asked) -> Reply:
    if "_view" in asked.path:
        counted = "reduce=true" in asked.path
        return Reply(200, {"rows": [{"key": None, "value": 9}] if counted else []})
    return Reply(200, {"_id": "guest/a", "_rev": REVISION, "exec": {}})


def asked_for(calls: Any) -> list[Asked]:
    """The requests of these calls of a store."""

    async def run() -> list[Asked]:
        server = FakeCouch(answer)
        async with server.running() as where, asyncio.timeout(60):
            store = CouchStore(where)
            await calls(store)
            await store.close()
        return server.asked

    return asyncio.run(run())


def options(asked: Asked) -> dict[str, Any]:
    return {name: json.loads(values[0]) for name, values in parse_qs(urlsplit(asked.path).query).items()}


@pytest.mark.scenario("WIRE-13")
@pytest.mark.parametrize(("upto", "top"), [(None, TOP), (7, 7)])
def test_a_descending_list_swaps_its_bounds_and_a_count_does_not(upto: int | None, top: object) -> None:
    async def calls(store: CouchStore) -> None:
        await store.entities.list("actions", "guest", upto=upto, since=2)
        await store.entities.count("actions", "guest", upto=upto, since=2)
        await store.activations.list("guest", upto=upto, since=2)
        await store.activations.count("guest", upto=upto, since=2)

    asked = [each for each in asked_for(calls) if "_view" in each.path]
    first, last = ["guest", 2], ["guest", top, TOP]
    for listed, counted in (asked[0:2], asked[2:4]):
        wanted = options(listed)
        assert (wanted["startkey"], wanted["endkey"], wanted["descending"]) == (last, first, True)
        assert (wanted["reduce"], "skip" in wanted, "limit" in wanted) == (False, False, False)
        wanted = options(counted)
        assert (wanted["startkey"], wanted["endkey"], wanted["reduce"]) == (first, last, True)
        assert wanted.get("descending", False) is False


@pytest.mark.scenario("WIRE-14")
def test_records_of_a_packaged_action_are_asked_for_by_package_and_name() -> None:
    async def calls(store: CouchStore) -> None:
        await store.activations.list("guest", name="tools/greet")

    [asked] = [each for each in asked_for(calls) if "_view" in each.path]
    assert "whisks-filters.v2.1.1" in unquote(asked.path)
    assert options(asked)["startkey"] == ["guest/tools/greet", TOP, TOP]


@pytest.mark.scenario("WIRE-12")
def test_no_revision_is_asked_for_in_a_header_that_couchdb_does_not_read() -> None:
    async def calls(store: CouchStore) -> None:
        found = await store.entities.get("guest/a")
        assert found["_rev"] == REVISION
        await store.entities.delete("guest/a", REVISION)

    asked = asked_for(calls)
    assert all("if-match" not in each.headers for each in asked)
    assert [urlsplit(each.path).query for each in asked if each.method == "DELETE"] == [f"rev={REVISION}"]
