"""Changes to subjects, their keys and limits, through the node that runs, or in the store of one that is stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol, TypeVar

from attrs import evolve

from owactors.cli.failure import NODE_ERROR, NOT_FOUND, USAGE, Failure
from owactors.cli.runningnode import NodesSubjects, RunningNode
from owactors.entity.ids import BasicAuthKey
from owactors.entity.subject import SubjectDocument, SubjectNamespace
from owactors.message.store import NoDocument, StoreUnavailable
from owactors.node.settings import Settings

Json = dict[str, Any]
Rows = list[Json]
Result = TypeVar("Result")

#: Limits of a namespace that can be set, by their names in OpenWhisk's documents.
LIMITS = ("invocationsPerMinute", "concurrentInvocations", "firesPerMinute")


class Subjects(Protocol):
    """What is needed of a store of subjects, opened here or asked of a running node. (owactors.store.port)"""

    async def get(self, doc_id: str) -> Json: ...

    async def put(self, document: Json) -> str: ...

    async def delete(self, doc_id: str, rev: str) -> None: ...

    async def list(self) -> Rows: ...

    async def by_namespace(self, namespace: str) -> Rows: ...

    async def limits(self, namespace: str) -> Json: ...


def with_subjects(settings: Settings, change: Callable[[Subjects], Awaitable[Result]]) -> Result:
    """Runs `change` on the subjects of the settings' data folder or database; a node that runs there is asked."""
    node = RunningNode.of(settings.node.data_dir)
    if node is not None:
        return asyncio.run(_asked(node, change))
    if settings.store.backend == "memory":
        raise Failure("the memory store forgets its users; no node runs on this data folder.", USAGE)
    try:
        return asyncio.run(_opened(settings, change))
    except StoreUnavailable as problem:
        raise Failure(f"{problem.reason}.", NODE_ERROR) from problem


async def _asked(node: RunningNode, change: Callable[[Subjects], Awaitable[Result]]) -> Result:
    return await change(NodesSubjects(node))


async def _opened(settings: Settings, change: Callable[[Subjects], Awaitable[Result]]) -> Result:
    from owactors.cli.openstores import open_place, place_of

    store = open_place(place_of(settings, settings.store.backend))
    try:
        return await change(store.subjects)
    finally:
        await store.close()


async def find(store: Subjects, subject: str) -> tuple[SubjectDocument, str]:
    """The subject and its document's revision."""
    try:
        document = await store.get(subject)
    except NoDocument:
        raise Failure(f"there is no subject {subject}; `owactors user list` shows all.", NOT_FOUND) from None
    return SubjectDocument.from_json(document), document["_rev"]


async def create(store: Subjects, subject: str, namespace: str, key: BasicAuthKey) -> SubjectNamespace:
    """Gives the subject, made if it is new, a namespace with this key."""
    made = SubjectNamespace(namespace, key)
    if await store.by_namespace(namespace):
        raise Failure(f"namespace {namespace} exists already; `owactors user get` shows its key.", NODE_ERROR)
    try:
        old, revision = await find(store, subject)
    except Failure:
        await store.put(_checked(subject, made).to_document())
        return made
    await _put(store, evolve(old, namespaces=(*old.namespaces, made)), revision)
    return made


def _checked(subject: str, namespace: SubjectNamespace) -> SubjectDocument:
    try:
        return SubjectDocument(subject, (namespace,))
    except ValueError as problem:
        raise Failure(f"{problem}.", USAGE) from problem


async def delete(store: Subjects, subject: str, namespace: str | None) -> None:
    """Removes the subject, or only one of its namespaces; its last namespace takes the subject along."""
    old, revision = await find(store, subject)
    rest = tuple(one for one in old.namespaces if namespace is not None and one.name != namespace)
    if namespace is not None and len(rest) == len(old.namespaces):
        raise Failure(f"{subject} has no namespace {namespace}.", NOT_FOUND)
    if rest:
        await _put(store, evolve(old, namespaces=rest), revision)
    else:
        await store.delete(subject, revision)


async def block(store: Subjects, subject: str, blocked: bool) -> None:
    """Blocks the subject, or lets it in again."""
    old, revision = await find(store, subject)
    await _put(store, evolve(old, blocked=blocked or None), revision)


async def every(store: Subjects) -> list[SubjectDocument]:
    """All subjects by name."""
    return [SubjectDocument.from_json(document) for document in await store.list()]


async def set_limits(store: Subjects, namespace: str, limits: Mapping[str, int]) -> Json:
    """Changes some limits of a namespace; all that are set afterwards."""
    identifier = f"{namespace}/limits"
    try:
        document = await store.get(identifier)
    except NoDocument:
        document = {"_id": identifier}
    document.update(limits)
    await store.put(document)
    return {key: value for key, value in document.items() if not key.startswith("_")}


async def clear_limits(store: Subjects, namespace: str) -> None:
    """Removes all limits of a namespace, so that those of the settings hold."""
    try:
        document = await store.get(f"{namespace}/limits")
    except NoDocument:
        return
    await store.delete(document["_id"], document["_rev"])


async def _put(store: Subjects, subject: SubjectDocument, revision: str) -> None:
    await store.put({**subject.to_document(), "_rev": revision})
