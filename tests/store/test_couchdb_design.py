"""Databases and design documents: made once, completed, brought up to date, never taken from somebody else."""

from __future__ import annotations

import asyncio
import json
import socket
from typing import Any

import pytest
from attrs import evolve

from owactors.message.store import StoreUnavailable
from owactors.store.couchdb.design import ENTITIES, MARK, VERSION, document_of, replacement
from owactors.store.couchdb.initialise import Initialised, initialise
from owactors.store.couchdb.settings import CouchSettings
from tests.store.couchserver import plain
from tests.store.fakecouch import LOST, FakeCouch, Reply, in_turn

Json = dict[str, Any]
WANTED = document_of("whisks.v2.1.0", ENTITIES["whisks.v2.1.0"])
THEIRS = {"_id": WANTED["_id"], "_rev": "3-a", "language": "javascript", "views": {**WANTED["views"]}}


def test_missing_one_is_made() -> None:
    assert replacement(WANTED, None) == WANTED


def test_same_one_stays() -> None:
    assert replacement(WANTED, {**WANTED, "_rev": "1-a"}) is None


def test_older_one_of_ours_is_replaced() -> None:
    older = {**WANTED, "_rev": "1-a", MARK: 0, "views": {}}
    assert replacement(WANTED, older) == {**WANTED, "_rev": "1-a"}
    changed = {**WANTED, "_rev": "1-a", "views": {"actions": {"map": "function (doc) {}"}}}
    assert replacement(WANTED, changed) == {**WANTED, "_rev": "1-a"}


def test_newer_one_of_ours_stays() -> None:
    assert replacement(WANTED, {**WANTED, "_rev": "1-a", MARK: VERSION + 1, "views": {}}) is None


def test_somebody_elses_stays_as_it_is() -> None:
    theirs = {**THEIRS, "views": {name: {"map": "function (doc) { /* theirs */ }"} for name in WANTED["views"]}}
    assert replacement(WANTED, theirs) is None


def test_somebody_elses_gets_what_it_lacks() -> None:
    own = {"map": "function (doc) { /* theirs */ }"}
    completed = replacement(WANTED, {**THEIRS, "views": {"actions": own, "more": own}})
    assert completed is not None
    assert completed["views"]["actions"] == completed["views"]["more"] == own
    assert completed["views"]["rules"] == WANTED["views"]["rules"]
    assert completed["_rev"] == "3-a"
    assert MARK not in completed


@pytest.mark.services
def test_first_time_and_again(couch: CouchSettings) -> None:
    first = initialise(couch)
    assert first.databases == (couch.entities, couch.subjects, couch.activations)
    assert f"{couch.activations}/whisks-filters.v2.1.1" in first.designs
    assert len(first.designs) == 13
    assert initialise(couch) == Initialised()


@pytest.mark.services
def test_what_is_there_stays(couch: CouchSettings) -> None:
    plain(couch, "PUT", f"/{couch.entities}")
    views = {name: {"map": "function (doc) { emit(null); }"} for name in WANTED["views"]}
    plain(couch, "PUT", f"/{couch.entities}/{WANTED['_id']}", json.dumps({"views": views}).encode())
    made = initialise(couch)
    assert couch.entities not in made.databases
    assert f"{couch.entities}/whisks.v2.1.0" not in made.designs
    assert f"{couch.entities}/owactors.v1" in made.designs
    kept = json.loads(plain(couch, "GET", f"/{couch.entities}/{WANTED['_id']}"))
    assert kept["views"] == views


def test_no_server() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(StoreUnavailable, match=f"127.0.0.1:{port} does not answer"):
        initialise(CouchSettings(f"http://127.0.0.1:{port}"))


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (Reply(401, {"error": "unauthorized", "reason": "Name or password is incorrect."}), "administrator's"),
        (Reply(403, {"error": "forbidden", "reason": "no"}), "does not let mira make databases"),
        (Reply(500, {"error": "internal", "reason": "broken"}), "refuses to be set up"),
        (Reply(raw=b"no HTTP\r\n\r\n", close=True), "does not answer"),
        (LOST, "does not answer"),
    ],
)
def test_server_that_refuses(reply: Reply, says: str) -> None:
    async def story() -> None:
        async with FakeCouch(in_turn(reply)).running() as settings:
            await asyncio.to_thread(initialise, evolve(settings, username="mira", password="wrong"))

    with pytest.raises(StoreUnavailable, match=says):
        asyncio.run(story())
