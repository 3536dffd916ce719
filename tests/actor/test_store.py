"""The store actor: every request has one answer, early ones wait, records of activations are kept as wanted."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from owactors.actor.store import (
    GetStoreStatus,
    OpenStore,
    ServeStore,
    StoreActor,
    StoreNotOpened,
    StoreOpened,
    StoreStatus,
)
from owactors.core.storepolicy import StoreLevel, StorePolicy
from owactors.entity.activation import ActivationResponse, WhiskActivation
from owactors.entity.identity import Identity
from owactors.entity.transaction import TransactionId
from owactors.message.container import StoreActivation
from owactors.message.store import (
    AcceptActivation,
    AttachmentFound,
    BlockedNamespaces,
    DocumentConflict,
    DocumentFound,
    GetAttachment,
    GetBlockedNamespaces,
    GetDocument,
    GetRecord,
    NoDocument,
    Stored,
    StoreError,
    StoreRecords,
    StoreRefused,
    StoreUnavailable,
)
from owactors.store.memory.store import MemoryStore
from owactors.store.record import entry_of
from owactors.store.retention import RetentionSettings
from owactors.store.sqlite.store import SqliteStore
from tests.actor.harness import Bench
from tests.contract.store.stores import action, activation_id, record, sample

IDENTITY = Identity.from_json(
    {
        "subject": "guest-subject",
        "namespace": {"name": "guest", "uuid": "0b5d9b3e-6a0f-4c3e-9a77-2f1c8d4e5a60"},
        "authkey": {"api_key": "0b5d9b3e-6a0f-4c3e-9a77-2f1c8d4e5a60:" + "k" * 64},
        "rights": ["READ", "PUT", "DELETE", "ACTIVATE"],
        "limits": {},
    }
)


def ended(number: int, status: int = 0, *, blocking: bool = True, extra: bool = False) -> StoreActivation:
    response = ActivationResponse(status, {"number": number})
    activation = WhiskActivation("guest", "greet", "guest-subject", activation_id(number), 1, 2, response)
    return StoreActivation(TransactionId("t" * 32, 1, extra), activation, IDENTITY, blocking)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def bench(store: MemoryStore) -> Iterator[Bench]:
    bench = Bench(StoreActor)
    bench.give(ServeStore(store))
    yield bench
    bench.exit()


def ask(bench: Bench, request: Any) -> Any:
    """The one answer to a request."""
    bench.give(request, sender="asker")
    for work in bench.works:
        work.run()
    (answer,) = bench.sent_to("asker")
    bench.take()
    assert answer.request == request.request
    return answer


def test_documents_and_attachments(bench: Bench, store: MemoryStore) -> None:
    revision = asyncio.run(store.entities.put(action("guest/a")))
    revision = asyncio.run(store.entities.attach("guest/a", revision, "code", "text/plain", b"x"))
    found = ask(bench, GetDocument(7, "guest/a"))
    assert isinstance(found, DocumentFound)
    assert (found.document["name"], found.document["_rev"]) == ("a", revision)
    assert ask(bench, GetAttachment(8, "guest/a", "code")) == AttachmentFound(8, "text/plain", b"x")


def test_refusals_name_what_was_missing(bench: Bench) -> None:
    for request in (
        GetDocument(1, "guest/a"),
        GetAttachment(2, "guest/a", "c"),
        GetRecord(3, "guest", "f" * 32),
    ):
        answer = ask(bench, request)
        assert isinstance(answer, StoreRefused)
        assert isinstance(answer.error, NoDocument)
    assert answer.error.doc_id == "guest/" + "f" * 32


def test_blocked_namespaces(bench: Bench, store: MemoryStore) -> None:
    asyncio.run(store.subjects.put(sample("subject_doc_blocked")))
    assert ask(bench, GetBlockedNamespaces(1)) == BlockedNamespaces(1, frozenset({"noisy"}))


def test_acceptance_and_records(bench: Bench, store: MemoryStore) -> None:
    for number in (1, 2, 3):
        accepted = AcceptActivation(number, activation_id(number), "guest", b"m")
        assert ask(bench, accepted) == Stored(number)
    batch = StoreRecords(4, (entry_of(record(1)),), (("guest", activation_id(2)),))
    assert ask(bench, batch) == Stored(4)
    assert ask(bench, evolve(batch, request=5)) == Stored(5)
    assert ask(bench, GetRecord(6, "guest", activation_id(1))) == DocumentFound(6, record(1))
    assert [one.activation_id for one in asyncio.run(store.activations.unfinished())] == [activation_id(3)]


def test_a_defect_in_the_store_is_an_answer_too(bench: Bench) -> None:
    bench.give(GetDocument(1, "guest/a"), sender="asker")
    bench.works[0].fail(RuntimeError("a defect"))
    (answer,) = bench.sent_to("asker")
    assert isinstance(answer.error, StoreUnavailable)
    assert "a defect" in answer.error.reason


def test_requests_before_the_store_is_there_are_answered_afterwards(store: MemoryStore) -> None:
    bench = Bench(StoreActor)
    asyncio.run(store.entities.put(action("guest/a")))
    bench.give(GetDocument(1, "guest/a"), sender="asker")
    bench.give(ended(1))
    assert bench.messages() == []
    bench.give(ServeStore(store))
    for work in bench.works:
        work.run()
    (answer,) = bench.sent_to("asker")
    assert answer.document["name"] == "a"
    assert asyncio.run(store.activations.count("guest")) == 1


def test_store_is_opened_and_closed_with_the_actor(tmp_path: Path) -> None:
    bench = Bench(StoreActor)
    bench.give(GetDocument(1, "guest/a"), sender="asker")
    bench.give(OpenStore("sqlite", str(tmp_path), retention=None), sender="node")
    bench.work("_open").run()
    assert bench.sent_to("node") == [StoreOpened()]
    bench.give(ended(1))
    bench.exit()

    async def look() -> None:
        store = SqliteStore.open(tmp_path)
        assert (await store.activations.get("guest", activation_id(1)))["response"]["result"] == {"number": 1}
        await store.close()

    asyncio.run(look())


def test_store_that_cannot_be_opened_refuses_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    bench = Bench(StoreActor)
    bench.give(GetDocument(1, "guest/a"), sender="asker")
    bench.give(OpenStore("sqlite", str(tmp_path / "file")), sender="node")
    bench.work("_open").run()
    (told,) = bench.sent_to("node")
    assert isinstance(told, StoreNotOpened)
    assert "--data-dir" in told.reason
    bench.give(GetDocument(2, "guest/a"), sender="asker")
    assert [answer.request for answer in bench.sent_to("asker")] == [1, 2]
    assert all(answer.error.reason == told.reason for answer in bench.sent_to("asker"))
    bench.give(GetStoreStatus(), sender="health")
    assert bench.sent_to("health") == [StoreStatus(told.reason, None)]


def test_retention_runs_beside(store: MemoryStore) -> None:
    bench = Bench(StoreActor)
    bench.give(GetStoreStatus(), sender="health")
    bench.give(ServeStore(store, retention=RetentionSettings()))
    assert [work.name for work in bench.works] == ["Retention.run"]
    bench.give(GetStoreStatus(), sender="health")
    before, after = bench.sent_to("health")
    assert (before.trouble, before.upkeep) == ("the store is not open yet", None)
    assert after.trouble is None
    assert after.upkeep.rounds == 0
    bench.exit()
    assert bench.works == []


@pytest.mark.parametrize(
    ("message", "kept"),
    [
        (ended(1, 0, blocking=True), False),
        (ended(1, 1, blocking=True), True),
        (ended(1, 1, blocking=False), False),
        (ended(1, 2, blocking=False), True),
        (ended(1, 0, blocking=False, extra=True), True),
    ],
)
def test_records_are_kept_as_the_settings_want(message: StoreActivation, kept: bool, store: MemoryStore) -> None:
    bench = Bench(StoreActor)
    bench.give(ServeStore(store, StorePolicy(StoreLevel.FAILURES, StoreLevel.SYSTEM_FAILURES)))
    asyncio.run(store.activations.accept(activation_id(1), "guest", b""))
    bench.give(message)
    for work in bench.works:
        work.run()
    assert asyncio.run(store.activations.count("guest")) == int(kept)
    if kept or not message.blocking:
        assert asyncio.run(store.activations.unfinished()) == ()


@pytest.mark.parametrize("error", [NoDocument("guest/a"), DocumentConflict("guest/a"), StoreUnavailable("full")])
def test_errors_survive_the_way_between_processes(error: StoreError) -> None:
    copy = pickle.loads(pickle.dumps(StoreRefused(1, error))).error
    assert type(copy) is type(error)
    assert (str(copy), vars(copy)) == (str(error), vars(error))
