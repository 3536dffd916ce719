"""Identities, blocked namespaces, limits."""

from __future__ import annotations

from typing import Any

from tests.contract.store.stores import Driven, sample

KEY = "q7Rz1LmXv0TtB3nKc9WfYpD5sHj2Ga8Ee6UuZo4iQkNxVbCrMdPwSlJyAhFgOt73"
UUID = "0b5d9b3e-6a0f-4c3e-9a77-2f1c8d4e5a60"


def put(driven: Driven, *documents: dict[str, Any]) -> None:
    for document in documents:
        driven.do(driven.subjects.put(document))


def test_identity_by_key(driven: Driven) -> None:
    put(driven, sample("subject_doc"))
    identity = {"subject": "mira-subject", "namespace": "mira", "uuid": UUID, "key": KEY, "limits": {}}
    assert driven.do(driven.subjects.by_key(UUID, KEY)) == [identity]
    assert driven.do(driven.subjects.by_key(UUID, KEY[:-1])) == []
    assert driven.do(driven.subjects.by_key("", "")) == []


def test_identity_by_namespace_with_its_limits(driven: Driven) -> None:
    put(driven, sample("subject_doc"), sample("limits_doc"))
    (identity,) = driven.do(driven.subjects.by_namespace("mira"))
    assert identity["subject"] == "mira-subject"
    assert identity["limits"]["invocationsPerMinute"] == 120
    assert "_id" not in identity["limits"]
    assert identity["limits"] == driven.do(driven.subjects.limits("mira"))
    (other,) = driven.do(driven.subjects.by_namespace("mira_staging"))
    assert other["limits"] == {}
    assert driven.do(driven.subjects.by_namespace("nobody")) == []


def test_one_key_of_two_subjects_is_seen_twice(driven: Driven) -> None:
    one = sample("subject_doc")
    put(driven, one, {**one, "_id": "other-subject", "subject": "other-subject"})
    put(driven, {**one, "_id": "third-subject", "subject": "third-subject"})
    assert len(driven.do(driven.subjects.by_key(UUID, KEY))) == 2


def test_blocked_subject_has_no_identity(driven: Driven) -> None:
    put(driven, sample("subject_doc_blocked"), sample("subject_doc"))
    assert driven.do(driven.subjects.by_namespace("noisy")) == []
    assert driven.do(driven.subjects.blocked_namespaces()) == {"noisy"}


def test_unblocking(driven: Driven) -> None:
    put(driven, sample("subject_doc_blocked"))
    document = driven.do(driven.subjects.get("noisy-subject"))
    put(driven, {**document, "blocked": False})
    assert driven.do(driven.subjects.blocked_namespaces()) == frozenset()
    assert len(driven.do(driven.subjects.by_namespace("noisy"))) == 1


def test_limits_of_zero_block(driven: Driven) -> None:
    put(
        driven,
        {"_id": "a/limits", "invocationsPerMinute": 0},
        {"_id": "b/limits", "concurrentInvocations": 0},
        {"_id": "c/limits", "firesPerMinute": 0, "invocationsPerMinute": 1},
    )
    assert driven.do(driven.subjects.blocked_namespaces()) == {"a", "b"}


def test_deleted_subject_is_gone(driven: Driven) -> None:
    put(driven, sample("subject_doc"))
    revision = driven.do(driven.subjects.get("mira-subject"))["_rev"]
    driven.do(driven.subjects.delete("mira-subject", revision))
    assert driven.do(driven.subjects.by_key(UUID, KEY)) == []
    assert driven.do(driven.subjects.list()) == []


def test_list_of_subjects(driven: Driven) -> None:
    put(driven, sample("subject_doc_blocked"), sample("subject_doc"), sample("limits_doc"))
    listed = driven.do(driven.subjects.list())
    assert [document["subject"] for document in listed] == ["mira-subject", "noisy-subject"]
    assert [document["_id"] for document in driven.do(driven.subjects.list(skip=1, limit=5))] == ["noisy-subject"]


def test_subject_with_the_same_namespace_twice(driven: Driven) -> None:
    document = sample("subject_doc")
    document["namespaces"] = document["namespaces"][:1] * 2
    put(driven, document)
    assert len(driven.do(driven.subjects.by_namespace("mira"))) == 1
