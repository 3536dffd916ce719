"""What the store tests share: a store driven step by step, and documents to put into it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from attrs import frozen

from owactors.store.port import ActivationStore, EntityStore, Store, SubjectStore

Result = TypeVar("Result")
Json = dict[str, Any]
SAMPLES = Path(__file__).parents[2] / "data" / "wire_samples"


@frozen
class Driven:
    """A store and the loop it is used from; `do` runs one call to its end."""

    store: Store
    runner: asyncio.Runner

    @classmethod
    @contextmanager
    def open(cls, opener: Callable[[], Store]) -> Iterator[Driven]:
        async def opened() -> Store:
            return opener()

        with asyncio.Runner() as runner:
            store = runner.run(opened())
            try:
                yield cls(store, runner)
            finally:
                runner.run(store.close())

    def do(self, call: Coroutine[Any, Any, Result]) -> Result:
        return self.runner.run(call)

    def do_all(self, *calls: Awaitable[Any]) -> list[Any]:
        """Several calls at once; exceptions are among the results."""

        async def gather() -> list[Any]:
            return await asyncio.gather(*calls, return_exceptions=True)

        return self.runner.run(gather())

    @property
    def entities(self) -> EntityStore:
        return self.store.entities

    @property
    def subjects(self) -> SubjectStore:
        return self.store.subjects

    @property
    def activations(self) -> ActivationStore:
        return self.store.activations


def sample(name: str) -> Json:
    """A document as OpenWhisk wrote it, ready to be created: without `_rev`."""
    document: Json = json.loads((SAMPLES / f"{name}.json").read_text())
    document.pop("_rev", None)
    return document


def activation_id(number: int) -> str:
    return f"{number:032x}"


def record(number: int, namespace: str = "guest", start: int | None = None, **fields: Any) -> Json:
    """An activation record; without `start` a later number started later."""
    begin = 1_785_312_000_000 + number * 1000 if start is None else start
    return {
        "namespace": namespace,
        "name": "greet",
        "subject": "guest-subject",
        "activationId": activation_id(number),
        "start": begin,
        "end": begin + 250,
        "duration": 250,
        "response": {"statusCode": 0, "result": {"number": number}, "size": 14},
        "logs": ["2026-07-29T08:00:00.371204518Z stdout: hello"],
        "version": "0.0.1",
        "publish": False,
        "annotations": [{"key": "path", "value": f"{namespace}/greet"}, {"key": "waitTime", "value": 3}],
        **fields,
    }


def ids(rows: list[Json]) -> list[int]:
    """The numbers of the records in a list."""
    return [int(row["activationId"], 16) for row in rows]


def names(rows: list[Json]) -> list[str]:
    return [row["name"] for row in rows]


def action(doc_id: str, updated: int = 1, **fields: Any) -> Json:
    namespace, _, name = doc_id.rpartition("/")
    return {
        "_id": doc_id,
        "namespace": namespace,
        "name": name,
        "exec": {"kind": "python:3.11", "code": "def main(args): return args", "binary": False},
        "parameters": [],
        "limits": {"timeout": 60000, "memory": 256, "logs": 10, "concurrency": 1},
        "version": "0.0.1",
        "publish": False,
        "annotations": [{"key": "exec", "value": "python:3.11"}],
        "updated": updated,
        "entityType": "action",
        **fields,
    }
