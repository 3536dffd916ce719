"""Whatever OpenWhisk keeps, a store gives back as the same JSON value: all that was recorded, and any other."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.contract.store.stores import Driven, Json
from tests.message import wirevalues as wire

RECORDED = Path(__file__).parents[2] / "data" / "wire_recordings" / "couchdb"
ENTITIES = ("actions", "actions_attached", "actions_blackbox", "sequences", "packages", "bindings", "triggers", "rules")
RECORDS = ("activations", "activations_health", "activations_sequence", "activations_trigger")
#: what CouchDB adds, and what only its documents have
OUTSIDE = {"_rev", "_attachments"}
DOCUMENT_ONLY = {"_id", "_rev", "entityType", "updated"}
some = settings(
    deadline=None,
    max_examples=25,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)


ANY_ENTITY = st.one_of(wire.ACTIONS, wire.PACKAGES, wire.TRIGGERS, wire.RULES)


def usual(document: Json) -> bool:
    """No namespace begins with `_`: CouchDB keeps ids of its own there, and OpenWhisk takes `_` for the caller's."""
    return not document["namespace"].startswith("_")


def recorded(*names: str) -> list[Json]:
    """Documents without what the database adds."""
    found = [entry["doc"] for name in names for entry in json.loads((RECORDED / f"{name}.json").read_text())]
    return [{field: value for field, value in document.items() if field not in OUTSIDE} for document in found]


def same(found: Any, given: Any) -> bool:
    """The same JSON value; of a decimal the same 64-bit number, however the database writes it."""
    if isinstance(given, dict):
        return isinstance(found, dict) and found.keys() == given.keys() and all(same(found[k], given[k]) for k in given)
    if isinstance(given, list):
        return isinstance(found, list) and len(found) == len(given) and all(map(same, found, given))
    if isinstance(given, float):
        return type(found) in (int, float) and float(found) == given
    return type(found) is type(given) and bool(found == given)


def kept(put: Callable[[Json], Any], get: Callable[[str], Any], driven: Driven, document: Json) -> None:
    """It goes in, and comes out as it was."""
    revision = driven.do(put(document))
    found = driven.do(get(document["_id"]))
    assert found.pop("_rev") == revision
    assert same(found, document)


def test_every_recorded_document_comes_back(driven: Driven) -> None:
    for document in recorded(*ENTITIES):
        kept(driven.entities.put, driven.entities.get, driven, document)
    for document in recorded("subjects", "limits"):
        kept(driven.subjects.put, driven.subjects.get, driven, document)


def test_every_recorded_record_comes_back(driven: Driven) -> None:
    documents = recorded(*RECORDS)
    for document in documents:
        driven.do(driven.activations.store(document))
    for document in documents:
        record = {field: value for field, value in document.items() if field not in DOCUMENT_ONLY}
        found = driven.do(driven.activations.get(record["namespace"], record["activationId"]))
        assert same(found, record)


@some
@given(data=st.data())
def test_any_document_comes_back(driven: Driven, data: st.DataObject) -> None:
    """Revised where there was one of this id before."""
    several = st.lists(ANY_ENTITY.filter(usual), min_size=1, max_size=4, unique_by=lambda each: each["_id"])
    for document in data.draw(several):
        document.pop("_rev", None)
        before = driven.do_all(driven.entities.get(document["_id"]))[0]
        known = {"_rev": before["_rev"]} if isinstance(before, dict) else {}
        revision = driven.do(driven.entities.put({**document, **known}))
        found = driven.do(driven.entities.get(document["_id"]))
        assert same(found, {**document, "_rev": revision})


@some
@given(record=wire.RECORDS.filter(usual))
def test_any_record_comes_back(driven: Driven, record: Json) -> None:
    first = driven.do_all(driven.activations.get(record["namespace"], record["activationId"]))[0]
    if isinstance(first, dict):
        return  # a record is written once
    driven.do(driven.activations.store(record))
    found = driven.do(driven.activations.get(record["namespace"], record["activationId"]))
    assert same(found, record)


@pytest.mark.parametrize("blocked", [{}, {"blocked": True}, {"blocked": False}], ids=str)
def test_a_subject_with_several_namespaces_comes_back(driven: Driven, blocked: Json) -> None:
    spaces = [{"name": name, "uuid": name, "key": "k" * 64} for name in ("mira", "user@example.com", "Org One_space-2")]
    document = {"_id": "user@example.com", "subject": "user@example.com", "namespaces": spaces, **blocked}
    kept(driven.subjects.put, driven.subjects.get, driven, document)
    rows = driven.do(driven.subjects.by_namespace("Org One_space-2"))
    assert [row["subject"] for row in rows] == ([] if blocked.get("blocked") else ["user@example.com"])
