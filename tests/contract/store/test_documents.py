"""Documents: revisions, conflicts, attachments."""

from __future__ import annotations

import re

import pytest

from owactors.message.store import DocumentConflict, NoDocument
from tests.contract.store.stores import Driven, action, sample

REVISION = re.compile(r"\d+-[0-9a-f]{32}")
DOCUMENTS = [
    "action_doc",
    "action_doc_blackbox",
    "action_doc_plain",
    "sequence_doc",
    "package_doc",
    "binding_doc",
    "trigger_doc",
    "rule_doc",
]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_document_comes_back_as_it_went_in(driven: Driven, name: str) -> None:
    document = sample(name)
    revision = driven.do(driven.entities.put(document))
    assert REVISION.fullmatch(revision)
    assert revision.startswith("1-")
    assert driven.do(driven.entities.get(document["_id"])) == {**document, "_rev": revision}


@pytest.mark.parametrize("name", ["subject_doc", "subject_doc_blocked", "limits_doc"])
def test_subject_document_comes_back_as_it_went_in(driven: Driven, name: str) -> None:
    document = sample(name)
    revision = driven.do(driven.subjects.put(document))
    assert driven.do(driven.subjects.get(document["_id"])) == {**document, "_rev": revision}


def test_unknown_document(driven: Driven) -> None:
    with pytest.raises(NoDocument) as caught:
        driven.do(driven.entities.get("guest/nothing"))
    assert caught.value.doc_id == "guest/nothing"


def test_databases_do_not_see_each_other(driven: Driven) -> None:
    driven.do(driven.entities.put({"_id": "same", "exec": {}}))
    with pytest.raises(NoDocument):
        driven.do(driven.subjects.get("same"))
    driven.do(driven.subjects.put({"_id": "same", "subject": "same"}))
    assert driven.do(driven.entities.get("same"))["exec"] == {}


def test_creating_twice_is_a_conflict(driven: Driven) -> None:
    revision = driven.do(driven.entities.put(action("guest/a", 1)))
    with pytest.raises(DocumentConflict):
        driven.do(driven.entities.put(action("guest/a", 2)))
    assert driven.do(driven.entities.get("guest/a"))["_rev"] == revision


def test_update_needs_the_current_revision(driven: Driven) -> None:
    first = driven.do(driven.entities.put(action("guest/a", 1)))
    second = driven.do(driven.entities.put({**action("guest/a", 2), "_rev": first}))
    assert second.startswith("2-")
    with pytest.raises(DocumentConflict):
        driven.do(driven.entities.put({**action("guest/a", 3), "_rev": first}))
    assert driven.do(driven.entities.get("guest/a"))["updated"] == 2


def test_update_of_what_is_not_there_is_a_conflict(driven: Driven) -> None:
    with pytest.raises(DocumentConflict):
        driven.do(driven.entities.put({**action("guest/a"), "_rev": "1-" + "0" * 32}))


def test_of_many_updates_at_once_one_wins(driven: Driven) -> None:
    first = driven.do(driven.entities.put(action("guest/a", 1)))
    outcomes = driven.do_all(*(driven.entities.put({**action("guest/a", 10 + n), "_rev": first}) for n in range(20)))
    winners = [outcome for outcome in outcomes if isinstance(outcome, str)]
    assert len(winners) == 1
    assert sum(isinstance(outcome, DocumentConflict) for outcome in outcomes) == 19
    assert driven.do(driven.entities.get("guest/a"))["_rev"] == winners[0]


def test_delete(driven: Driven) -> None:
    revision = driven.do(driven.entities.put(action("guest/a")))
    with pytest.raises(DocumentConflict):
        driven.do(driven.entities.delete("guest/a", "1-" + "0" * 32))
    driven.do(driven.entities.delete("guest/a", revision))
    with pytest.raises(NoDocument):
        driven.do(driven.entities.get("guest/a"))
    with pytest.raises(NoDocument):
        driven.do(driven.entities.delete("guest/a", revision))
    assert driven.do(driven.entities.list("actions", "guest")) == []


def test_created_again_after_delete_the_old_revision_is_void(driven: Driven) -> None:
    old = driven.do(driven.entities.put(action("guest/a")))
    driven.do(driven.entities.delete("guest/a", old))
    new = driven.do(driven.entities.put(action("guest/a")))
    assert new != old
    with pytest.raises(DocumentConflict):
        driven.do(driven.entities.delete("guest/a", old))


def test_ids_page_by_page(driven: Driven) -> None:
    doc_ids = sorted(f"ns{number % 3}/a{number}" for number in range(8))
    for doc_id in doc_ids:
        driven.do(driven.entities.put(action(doc_id)))
    driven.do(driven.subjects.put({"_id": "mira-subject", "subject": "mira-subject"}))
    driven.do(driven.subjects.put({"_id": "mira/limits"}))
    assert driven.do(driven.entities.ids()) == doc_ids
    assert driven.do(driven.entities.ids(most=3)) == doc_ids[:3]
    assert driven.do(driven.entities.ids(after=doc_ids[2], most=3)) == doc_ids[3:6]
    assert driven.do(driven.entities.ids(after=doc_ids[-1])) == []
    assert driven.do(driven.subjects.ids()) == ["mira-subject", "mira/limits"]


def test_what_comes_out_is_a_copy(driven: Driven) -> None:
    document = action("guest/a")
    driven.do(driven.entities.put(document))
    document["exec"]["code"] = "changed"
    driven.do(driven.entities.get("guest/a"))["exec"]["code"] = "changed"
    driven.do(driven.entities.list("actions", "guest"))[0]["exec"]["binary"] = "changed"
    assert driven.do(driven.entities.get("guest/a"))["exec"]["code"] == "def main(args): return args"
    assert driven.do(driven.entities.list("actions", "guest"))[0]["exec"] == {"binary": False}


@pytest.mark.parametrize("value", [2**70, -(2**64), "\ud800", "🦆 ü \u2028 \x00", 1.5e300, [[{}]], None])
def test_any_json_value_survives(driven: Driven, value: object) -> None:
    document = action("guest/a", parameters=[{"key": "k", "value": value}])
    driven.do(driven.entities.put(document))
    assert driven.do(driven.entities.get("guest/a"))["parameters"] == [{"key": "k", "value": value}]


def test_names_with_odd_characters(driven: Driven) -> None:
    doc_id = "ünï cøde@x/pack age/a.b-c & d"
    driven.do(driven.entities.put(action(doc_id)))
    assert driven.do(driven.entities.get(doc_id))["name"] == "a.b-c & d"
    assert len(driven.do(driven.entities.list("actions", "ünï cøde@x"))) == 1


@pytest.mark.parametrize("document", [{}, {"_id": ""}, {"_id": 7}])
def test_document_needs_an_id(driven: Driven, document: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="_id"):
        driven.do(driven.entities.put(document))


def test_attachment(driven: Driven) -> None:
    data = bytes(range(256)) * 1000
    first = driven.do(driven.entities.put(action("guest/a")))
    second = driven.do(driven.entities.attach("guest/a", first, "code", "application/octet-stream", data))
    assert second.startswith("2-")
    assert driven.do(driven.entities.attachment("guest/a", "code")) == ("application/octet-stream", data)
    document = driven.do(driven.entities.get("guest/a"))
    assert document["_rev"] == second
    assert list(document["_attachments"]) == ["code"]
    stub = document["_attachments"]["code"]
    assert stub["content_type"] == "application/octet-stream"
    assert stub["length"] == len(data)
    assert stub["revpos"] == 2
    assert stub["stub"] is True


def test_attachment_with_an_old_revision_is_a_conflict(driven: Driven) -> None:
    first = driven.do(driven.entities.put(action("guest/a")))
    driven.do(driven.entities.put({**action("guest/a"), "_rev": first}))
    with pytest.raises(DocumentConflict):
        driven.do(driven.entities.attach("guest/a", first, "code", "text/plain", b"x"))
    with pytest.raises(DocumentConflict):
        driven.do(driven.entities.attach("guest/none", first, "code", "text/plain", b"x"))
    assert "_attachments" not in driven.do(driven.entities.get("guest/a"))


def test_attachment_is_replaced(driven: Driven) -> None:
    revision = driven.do(driven.entities.put(action("guest/a")))
    revision = driven.do(driven.entities.attach("guest/a", revision, "code", "text/plain", b"old"))
    driven.do(driven.entities.attach("guest/a", revision, "code", "text/x-new", b""))
    assert driven.do(driven.entities.attachment("guest/a", "code")) == ("text/x-new", b"")


def test_update_keeps_the_attachments_it_names(driven: Driven) -> None:
    revision = driven.do(driven.entities.put(action("guest/a")))
    for name in ("one", "two"):
        revision = driven.do(driven.entities.attach("guest/a", revision, name, "text/plain", name.encode()))
    document = driven.do(driven.entities.get("guest/a"))
    del document["_attachments"]["one"]
    driven.do(driven.entities.put(document))
    assert list(driven.do(driven.entities.get("guest/a"))["_attachments"]) == ["two"]
    assert driven.do(driven.entities.attachment("guest/a", "two")) == ("text/plain", b"two")
    with pytest.raises(NoDocument):
        driven.do(driven.entities.attachment("guest/a", "one"))


def test_update_without_attachments_drops_them(driven: Driven) -> None:
    revision = driven.do(driven.entities.put(action("guest/a")))
    revision = driven.do(driven.entities.attach("guest/a", revision, "code", "text/plain", b"x"))
    driven.do(driven.entities.put({**action("guest/a"), "_rev": revision}))
    with pytest.raises(NoDocument):
        driven.do(driven.entities.attachment("guest/a", "code"))


def test_attachments_go_with_their_document(driven: Driven) -> None:
    revision = driven.do(driven.entities.put(action("guest/a")))
    revision = driven.do(driven.entities.attach("guest/a", revision, "code", "text/plain", b"x"))
    driven.do(driven.entities.delete("guest/a", revision))
    with pytest.raises(NoDocument):
        driven.do(driven.entities.attachment("guest/a", "code"))
    driven.do(driven.entities.put(action("guest/a")))
    with pytest.raises(NoDocument):
        driven.do(driven.entities.attachment("guest/a", "code"))
