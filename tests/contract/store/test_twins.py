"""Whatever is done to them, the memory store and the SQLite store answer the same."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from owactors.message.store import StoreError
from owactors.store.memory.store import MemoryStore
from owactors.store.port import Store
from owactors.store.sqlite.store import SqliteStore
from tests.contract.store.stores import action, activation_id, record, sample

NUMBERS = st.integers(0, 7)
NAMESPACES = st.sampled_from(["guest", "mira", "guest/tools"])
TIMES = st.none() | st.integers(0, 8)
KINDS = st.sampled_from(["action", "package", "bound", "trigger", "rule"])
COLLECTIONS = st.sampled_from(["actions", "packages", "packages-public", "bindings", "triggers", "rules"])


def document(kind: str, namespace: str, number: int, updated: int) -> dict[str, Any]:
    own = {"_id": f"{namespace}/{number}", "namespace": namespace, "name": str(number), "updated": updated}
    base = {
        "action": action("x/x"),
        "package": sample("package_doc"),
        "bound": sample("binding_doc"),
        "trigger": sample("trigger_doc"),
        "rule": sample("rule_doc"),
    }[kind]
    return {**base, **own}


def without_revisions(answer: Any) -> Any:
    """Revisions are random; everything else must agree."""
    if isinstance(answer, dict):
        return {field: without_revisions(value) for field, value in answer.items() if field != "_rev"}
    if isinstance(answer, list | tuple):
        return [without_revisions(value) for value in answer]
    return answer


class Twins(RuleBasedStateMachine):
    """Each rule does one thing to both stores and compares the answers, or the refusals."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self._runner = asyncio.Runner()
        self._stores: tuple[Store, Store] = (MemoryStore(), SqliteStore.open(Path(self._folder.name)))
        #: per store: the last known revision of each document
        self._revisions: tuple[dict[str, str], dict[str, str]] = ({}, {})

    def teardown(self) -> None:
        for store in self._stores:
            self._runner.run(store.close())
        self._runner.close()
        self._folder.cleanup()

    def _both(self, call: Any) -> list[Any]:
        answers = [
            self._runner.run(self._outcome(call, store, revisions))
            for store, revisions in zip(self._stores, self._revisions, strict=True)
        ]
        assert without_revisions(answers[0]) == without_revisions(answers[1])
        return answers

    async def _outcome(self, call: Any, store: Store, revisions: dict[str, str]) -> Any:
        try:
            return await call(store, revisions)
        except StoreError as refusal:
            return (type(refusal).__name__, str(refusal))

    @initialize()
    def begin(self) -> None:
        self._both(lambda store, _: store.activations.usage())

    @rule(kind=KINDS, namespace=NAMESPACES, number=NUMBERS, updated=st.integers(0, 8), known=st.booleans())
    def put(self, kind: str, namespace: str, number: int, updated: int, known: bool) -> None:
        async def call(store: Store, revisions: dict[str, str]) -> str:
            new = document(kind, namespace, number, updated)
            if known and new["_id"] in revisions:
                new["_rev"] = revisions[new["_id"]]
            revision = revisions[new["_id"]] = await store.entities.put(new)
            return revision.partition("-")[0]

        self._both(call)

    @rule(namespace=NAMESPACES, number=NUMBERS)
    def delete(self, namespace: str, number: int) -> None:
        doc_id = f"{namespace}/{number}"

        async def call(store: Store, revisions: dict[str, str]) -> None:
            await store.entities.delete(doc_id, revisions.get(doc_id, "1-0"))

        self._both(call)

    @rule(namespace=NAMESPACES, number=NUMBERS, name=st.sampled_from("ab"), data=st.binary(max_size=20))
    def attach(self, namespace: str, number: int, name: str, data: bytes) -> None:
        doc_id = f"{namespace}/{number}"

        async def call(store: Store, revisions: dict[str, str]) -> Any:
            revision = await store.entities.attach(doc_id, revisions.get(doc_id, "1-0"), name, "text/x", data)
            revisions[doc_id] = revision
            return await store.entities.attachment(doc_id, name)

        self._both(call)

    @rule(namespace=NAMESPACES, number=NUMBERS)
    def get(self, namespace: str, number: int) -> None:
        self._both(lambda store, _: store.entities.get(f"{namespace}/{number}"))

    @rule(
        collection=COLLECTIONS,
        namespace=NAMESPACES,
        skip=st.integers(0, 3),
        limit=st.integers(0, 3),
        since=TIMES,
        upto=TIMES,
        descending=st.booleans(),
        docs=st.booleans(),
    )
    def list_entities(self, collection: str, namespace: str, **bounds: Any) -> None:
        self._both(lambda store, _: store.entities.list(collection, namespace, **bounds))
        counted = {field: bounds[field] for field in ("skip", "since", "upto")}
        self._both(lambda store, _: store.entities.count(collection, namespace, **counted))

    @rule(
        number=NUMBERS,
        namespace=st.sampled_from(["guest", "mira"]),
        soon=st.booleans(),
        package=st.booleans(),
        data=st.data(),
    )
    def store(self, number: int, namespace: str, soon: bool, package: bool, data: st.DataObject) -> None:
        path = "aria/tools/greet" if package else "aria/greet"
        start = data.draw(st.integers(0, 8))
        new = record(number, namespace, start, annotations=[{"key": "path", "value": path}])

        async def call(store: Store, _: dict[str, str]) -> None:
            if soon and await self._unknown(store, namespace, number):
                store.activations.store_soon(new)
            else:
                await store.activations.store(new)

        self._both(call)

    async def _unknown(self, store: Store, namespace: str, number: int) -> bool:
        try:
            await store.activations.get(namespace, activation_id(number))
        except StoreError:
            return True
        return False

    @rule(number=NUMBERS, namespace=st.sampled_from(["guest", "mira"]))
    def get_record(self, number: int, namespace: str) -> None:
        self._both(lambda store, _: store.activations.get(namespace, activation_id(number)))

    @rule(
        namespace=st.sampled_from(["guest", "mira"]),
        name=st.sampled_from([None, "greet", "tools/greet"]),
        skip=st.integers(0, 3),
        limit=st.integers(0, 3),
        since=TIMES,
        upto=TIMES,
        docs=st.booleans(),
    )
    def list_records(self, namespace: str, **bounds: Any) -> None:
        self._both(lambda store, _: store.activations.list(namespace, **bounds))
        counted = {field: bounds[field] for field in ("name", "skip", "since", "upto")}
        self._both(lambda store, _: store.activations.count(namespace, **counted))

    @rule(number=NUMBERS, namespace=st.sampled_from(["guest", "mira"]))
    def accept(self, number: int, namespace: str) -> None:
        self._both(lambda store, _: store.activations.accept(activation_id(number), namespace, b"m"))

    @rule()
    def unfinished(self) -> None:
        async def call(store: Store, _: dict[str, str]) -> list[tuple[str, str]]:
            return [(one.namespace, one.activation_id) for one in await store.activations.unfinished()]

        self._both(call)

    @rule(namespace=st.sampled_from(["guest", "mira"]), start=st.integers(0, 8), most=st.integers(0, 5))
    def remove_before(self, namespace: str, start: int, most: int) -> None:
        async def call(store: Store, _: dict[str, str]) -> Any:
            await store.activations.flush()
            removed = await store.activations.remove_before(namespace, start, most)
            return removed, [(one.namespace, one.records) for one in await store.activations.usage()]

        self._both(call)

    @rule(namespace=st.sampled_from(["guest", "mira"]), surplus=st.integers(0, 2000), most=st.integers(0, 5))
    def remove_oldest(self, namespace: str, surplus: int, most: int) -> None:
        async def call(store: Store, _: dict[str, str]) -> Any:
            await store.activations.flush()
            removed = await store.activations.remove_oldest(namespace, surplus, most)
            usage = await store.activations.usage()
            return removed, [(one.namespace, one.records, one.bytes) for one in usage]

        self._both(call)


TestTwins = pytest.mark.timeout(120)(Twins.TestCase)
TestTwins.settings = settings(
    max_examples=40,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    database=None,
)
