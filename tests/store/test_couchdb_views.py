"""The views over documents that OpenWhisk itself wrote: which rows they have, and that we read what it wrote."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from attrs import define

from owactors.store.couchdb.settings import CouchSettings
from owactors.store.couchdb.store import CouchStore
from owactors.store.record import filter_of, summary_of
from owactors.store.views import entity_rows
from tests.contract.store.stores import sample
from tests.store.couchserver import plain

pytestmark = pytest.mark.services

Json = dict[str, Any]
RECORDED = Path(__file__).parents[1] / "data" / "wire_recordings" / "couchdb"
ENTITIES = ("actions", "actions_attached", "actions_blackbox", "sequences", "packages", "bindings", "triggers", "rules")
RECORDS = ("activations", "activations_sequence", "activations_trigger", "activations_health")


def recorded(*names: str) -> list[Json]:
    """The last state of each document, without `_rev` and attachments."""
    found: dict[str, Json] = {}
    for name in names:
        for entry in json.loads((RECORDED / f"{name}.json").read_text()):
            document = {field: value for field, value in entry["doc"].items() if field not in ("_rev", "_attachments")}
            found[document["_id"]] = document
    return list(found.values())


@define
class Seen:
    """Databases filled behind the store's back, as by OpenWhisk."""

    settings: CouchSettings
    store: CouchStore
    runner: asyncio.Runner

    def do(self, call: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(call)

    def fill(self, database: str, documents: list[Json]) -> None:
        body = json.dumps({"docs": documents}).encode()
        outcome = json.loads(plain(self.settings, "POST", f"/{database}/_bulk_docs", body))
        assert [row for row in outcome if "error" in row] == []

    def rows(self, database: str, view: str, **options: Any) -> list[Json]:
        """Rows as OpenWhisk's own client asks for them."""
        design, _, name = view.partition("/")
        query = "&".join(f"{key}={quote(json.dumps(value))}" for key, value in options.items())
        answer = plain(self.settings, "GET", f"/{database}/_design/{design}/_view/{name}?{query}")
        rows: list[Json] = json.loads(answer)["rows"]
        return rows


@pytest.fixture
def seen(couch: CouchSettings) -> Iterator[Seen]:
    with asyncio.Runner() as runner:
        store = CouchStore.open(couch)
        yield Seen(couch, store, runner)
        runner.run(store.close())


def by_key(rows: list[Json]) -> list[str]:
    """Comparable whatever order the server gives to equal keys and to letters."""
    return sorted(json.dumps([row["id"], row["key"], row["value"]], sort_keys=True) for row in rows)


def test_design_documents_are_those_of_openwhisk_and_one_of_ours(seen: Seen) -> None:
    expected = json.loads((RECORDED / "design_docs.json").read_text())
    for short, designs in expected.items():
        database = seen.settings.prefix + short
        options = "include_docs=true&startkey=%22_design%2F%22&endkey=%22_design0%22"
        rows = json.loads(plain(seen.settings, "GET", f"/{database}/_all_docs?{options}"))["rows"]
        made = {row["id"]: row["doc"] for row in rows}
        assert set(made) == {design["_id"] for design in designs} | {"_design/owactors.v1"}
        for design in designs:
            document = made[design["_id"]]
            views = document.get("views", {})
            assert sorted(views) == sorted(design["views"])
            assert sorted(name for name in views if "reduce" in views[name]) == sorted(design["with_reduce"])
            assert sorted(document.get("filters", {})) == sorted(design["filters"])


def test_entities_as_recorded(seen: Seen) -> None:
    documents = recorded(*ENTITIES)
    seen.fill(seen.settings.entities, documents)
    expected: dict[str, list[Json]] = {}
    for document in documents:
        for row in entity_rows(document):
            value = 1 if row.value is None else row.value
            line = {"id": document["_id"], "key": [row.key, row.order], "value": value}
            expected.setdefault(row.collection, []).append(line)
    for name in ("actions", "packages", "packages-public", "triggers", "rules"):
        rows = seen.rows(seen.settings.entities, f"whisks.v2.1.0/{name}", reduce=False)
        assert by_key(rows) == by_key(expected.get(name, [])), name
        assert len(rows) > 0 or name == "packages-public"


def test_entities_are_read_as_openwhisk_wrote_them(seen: Seen) -> None:
    documents = recorded(*ENTITIES)
    seen.fill(seen.settings.entities, documents)
    for document in documents:
        found = seen.do(seen.store.entities.get(document["_id"]))
        assert {field: value for field, value in found.items() if field != "_rev"} == document
    listed = seen.do(seen.store.entities.list("rules", "guest"))
    assert {rule["_id"] for rule in listed} == {
        one["_id"] for one in documents if one["entityType"] == "rule" and one["namespace"] == "guest"
    }
    (bound,) = seen.do(seen.store.entities.list("bindings", "mira"))
    assert bound["binding"] == {"name": "utils", "namespace": "guest"}


@pytest.mark.scenario("WIRE-13")
def test_range_as_openwhisk_asks(seen: Seen) -> None:
    """Descending, with the bounds swapped, the top being the text U+FFF0."""
    seen.fill(seen.settings.entities, recorded("actions", "packages"))
    options = {"reduce": False, "descending": True, "startkey": ["guest", "\ufff0", "\ufff0"], "endkey": ["guest", 0]}
    rows = seen.rows(seen.settings.entities, "whisks.v2.1.0/actions", **options)
    updated = [row["key"][1] for row in rows]
    assert len(rows) > 5
    assert updated == sorted(updated, reverse=True)
    assert [row["value"] for row in rows] == seen.do(seen.store.entities.list("actions", "guest"))
    counted = {"reduce": True, "startkey": ["guest", 0], "endkey": ["guest", "\ufff0", "\ufff0"]}
    (total,) = seen.rows(seen.settings.entities, "whisks.v2.1.0/actions", **counted)
    assert total["value"] == len(rows) == seen.do(seen.store.entities.count("actions", "guest"))


@pytest.mark.scenario("WIRE-14")
def test_records_as_recorded(seen: Seen) -> None:
    documents = recorded(*RECORDS)
    seen.fill(seen.settings.activations, documents)
    plainly, filtered, dated = [], [], []
    for document in documents:
        summary, start = summary_of(document), document["start"]
        found_by = filter_of(document["name"], document["annotations"])
        plainly.append({"id": document["_id"], "key": [document["namespace"], start], "value": summary})
        filtered.append(
            {"id": document["_id"], "key": [f"{document['namespace']}/{found_by}", start], "value": summary}
        )
        dated.append((document["_id"], start))
    database = seen.settings.activations
    assert by_key(seen.rows(database, "whisks.v2.1.0/activations", reduce=False)) == by_key(plainly)
    assert by_key(seen.rows(database, "whisks-filters.v2.1.1/activations", reduce=False)) == by_key(filtered)
    by_date = seen.rows(database, "activations/byDate")
    assert sorted((row["id"], row["key"]) for row in by_date) == sorted(dated)
    assert all(row["value"][0] == row["id"] and row["value"][1].startswith("1-") for row in by_date)


def test_logs_to_be_cleaned_up_are_not_those_of_sequences(seen: Seen) -> None:
    documents = recorded(*RECORDS)
    seen.fill(seen.settings.activations, documents)
    sequences = {document["_id"] for document in recorded("activations_sequence")}
    expected = {document["_id"] for document in documents if document["logs"]} - sequences
    rows = seen.rows(seen.settings.activations, "logCleanup/byDateWithLogs")
    assert {row["id"] for row in rows} == {row["value"] for row in rows} == expected
    assert expected


def test_records_are_read_as_openwhisk_wrote_them(seen: Seen) -> None:
    documents = recorded(*RECORDS)
    seen.fill(seen.settings.activations, documents)
    for document in documents[:20]:
        record = seen.do(seen.store.activations.get(document["namespace"], document["activationId"]))
        outside = ("_id", "entityType", "updated")
        assert record == {field: value for field, value in document.items() if field not in outside}
    guests = [document for document in documents if document["namespace"] == "guest"]
    assert seen.do(seen.store.activations.count("guest")) == len(guests)


def test_acceptances_are_in_none_of_openwhisks_views(seen: Seen) -> None:
    seen.do(seen.store.activations.accept("a" * 32, "guest", b"message"))
    database = seen.settings.activations
    views = (
        "whisks.v2.1.0/activations",
        "whisks-filters.v2.1.1/activations",
        "activations/byDate",
        "logCleanup/byDateWithLogs",
    )
    for view in views:
        options = {"reduce": False} if "whisks" in view else {}
        assert seen.rows(database, view, **options) == []
    assert len(seen.do(seen.store.activations.unfinished())) == 1


def test_identities_point_to_the_limits(seen: Seen) -> None:
    subjects = recorded("subjects")
    seen.fill(seen.settings.subjects, [*subjects, *recorded("limits")])
    expected = []
    for subject in subjects:
        for one in subject["namespaces"] if not subject.get("blocked") else ():
            value = {"_id": f"{one['name']}/limits", "namespace": one["name"], "uuid": one["uuid"], "key": one["key"]}
            expected.append({"id": subject["_id"], "key": [one["name"]], "value": value})
            expected.append({"id": subject["_id"], "key": [one["uuid"], one["key"]], "value": value})
    database = seen.settings.subjects
    assert by_key(seen.rows(database, "subjects.v2.0.0/identities")) == by_key(expected)
    (row,) = seen.rows(database, "subjects.v2.0.0/identities", key=["limited"], include_docs=True)
    assert row["doc"]["invocationsPerMinute"] == 2
    (identity,) = seen.do(seen.store.subjects.by_namespace("limited"))
    assert identity["subject"] == "limited-subject"
    assert identity["limits"]["concurrentInvocations"] == 1


def test_blocked_namespaces(seen: Seen) -> None:
    zero = {"_id": "idle/limits", "concurrentInvocations": 0}
    fires = {"_id": "other/limits", "firesPerMinute": 0}
    seen.fill(seen.settings.subjects, [*recorded("subjects"), *recorded("limits"), zero, fires])
    rows = seen.rows(seen.settings.subjects, "namespaceThrottlings/blockedNamespaces", reduce=False)
    assert sorted((row["id"], row["key"], row["value"]) for row in rows) == [
        ("blocked-subject", "blocked", 1),
        ("idle/limits", "idle", 1),
    ]
    (total,) = seen.rows(seen.settings.subjects, "namespaceThrottlings/blockedNamespaces", reduce=True)
    assert total["value"] == 2
    assert seen.do(seen.store.subjects.blocked_namespaces()) == {"blocked", "idle"}


@pytest.mark.parametrize("name", ["activation_doc", "activation_doc_sequence", "activation_doc_trigger"])
def test_records_are_written_as_openwhisk_does(seen: Seen, name: str) -> None:
    document = sample(name)
    seen.do(seen.store.activations.store(document))
    path = f"/{seen.settings.activations}/{quote(document['_id'], safe='')}"
    written = json.loads(plain(seen.settings, "GET", path))
    assert written.pop("_rev").startswith("1-")
    assert written.pop("updated") > document.pop("updated", 0)
    assert written == {"entityType": "activation", **document}
