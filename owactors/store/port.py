"""The ports of the stores: what every back end (SQLite, memory, CouchDB, a store actor) answers.

Documents and records are plain JSON objects (`dict`), exactly as CouchDB has them in OpenWhisk, so that a
database written by one back end can be read into another. A back end hands out copies: changing what came out
changes nothing inside. Times are epoch milliseconds, bounds (`since`, `upto`) are inclusive, `limit` 0 means
no limit.

Errors are those of `owactors.message.store`: `NoDocument`, `DocumentConflict`, `StoreUnavailable` (any method
may raise the last one). What a method has returned for is on disk, and is in the answer of the next call.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from owactors.message.store import Acceptance, NamespaceUsage, RecordEntry

Json = dict[str, Any]
Rows = list[Json]
Ids = list[str]


class EntityStore(Protocol):
    """The database `whisks`: actions, packages, triggers and rules, each under `namespace/name` or
    `namespace/package/name`. They share one space of ids: a name is used once, whatever its kind.
    """

    async def get(self, doc_id: str) -> Json:
        """The document with `_id` and `_rev`, and `_attachments` (stubs) if it has any. NoDocument."""

    async def put(self, document: Json) -> str:
        """Creates (without `_rev`) or updates (with it) the document `_id`; answers the new revision.

        Attachments which the document does not name in `_attachments` are dropped, as in CouchDB.
        DocumentConflict: it exists already, or `_rev` is not the current revision.
        """

    async def delete(self, doc_id: str, rev: str) -> None:
        """Removes document and attachments. NoDocument; DocumentConflict if `rev` is not the current one."""

    async def attach(self, doc_id: str, rev: str, name: str, content_type: str, data: bytes) -> str:
        """Adds or replaces an attachment; answers the document's new revision. DocumentConflict."""

    async def attachment(self, doc_id: str, name: str) -> tuple[str, bytes]:
        """Content type and bytes. NoDocument: no such document or attachment."""

    async def ids(self, *, after: str = "", most: int = 500) -> Ids:
        """Ids of documents, ascending, those after `after`: a page of all there are, of every namespace."""

    async def list(
        self,
        collection: str,
        namespace: str,
        *,
        skip: int = 0,
        limit: int = 0,
        since: int | None = None,
        upto: int | None = None,
        descending: bool = True,
        docs: bool = False,
    ) -> Rows:
        """The rows of a view by `updated`, the latest first: summaries, or whole documents with `docs`.

        `collection`: actions, packages, packages-public, bindings, triggers or rules (whose rows are always
        whole documents); ValueError otherwise. `namespace`: `ns`, or `ns/package` for the actions of one
        package; a packaged action is listed under both.
        """

    async def count(
        self,
        collection: str,
        namespace: str,
        *,
        skip: int = 0,
        since: int | None = None,
        upto: int | None = None,
    ) -> int:
        """How many rows `list` has, less `skip`; never negative."""


class SubjectStore(Protocol):
    """The database `subjects`: subject documents (`_id` = subject, `namespaces` = [{name, uuid, key}],
    `blocked`?) and limits documents (`_id` = `<namespace>/limits`).

    An identity row is `{"subject", "namespace", "uuid", "key", "limits"}`; limits is `{}` where none are set.
    """

    async def by_key(self, uuid: str, key: str) -> Rows:
        """Identity rows of this pair, blocked subjects left out, two at most (two: ambiguous)."""

    async def by_namespace(self, namespace: str) -> Rows:
        """Identity rows of a namespace, blocked subjects left out."""

    async def blocked_namespaces(self) -> frozenset[str]:
        """Namespaces of blocked subjects, and those whose limits allow no call or no concurrent call."""

    async def limits(self, namespace: str) -> Json:
        """The limits set for the namespace (without `_id`, `_rev`), `{}` if there are none."""

    async def get(self, doc_id: str) -> Json:
        """As EntityStore.get, for subjects and limits documents."""

    async def put(self, document: Json) -> str:
        """As EntityStore.put."""

    async def delete(self, doc_id: str, rev: str) -> None:
        """As EntityStore.delete."""

    async def ids(self, *, after: str = "", most: int = 500) -> Ids:
        """Ids of documents, ascending, those after `after`: a page of all there are, of every namespace."""

    async def list(self, *, skip: int = 0, limit: int = 0) -> Rows:
        """Subject documents by name."""


class ActivationStore(Protocol):
    """The database `activations`: records as OpenWhisk's WhiskActivation has them, and acceptances.

    Fields that only documents have (`_id`, `_rev`, `entityType`, `updated`) are neither kept nor answered.
    """

    async def accept(self, activation_id: str, namespace: str, message: bytes) -> None:
        """A non-blocking call was accepted: on disk on return. Repeating it changes nothing."""

    async def store(self, record: Json) -> None:
        """Keeps a record: on disk on return. Ends its acceptance. The first record of an id stays.

        ValueError names the field if `namespace`, `activationId`, `name` or `start` is missing or wrong.
        """

    async def store_all(self, entries: Sequence[RecordEntry]) -> None:
        """As `store`, for many at once, made by `owactors.store.record.entry_of`."""

    def store_soon(self, record: Json) -> None:
        """As `store`, without waiting: seen by get and list at once, on disk a moment later.

        It is kept and tried again while the disk refuses it. StoreUnavailable when the backlog is full.
        """

    async def dismiss(self, keys: Sequence[tuple[str, str]]) -> None:
        """Ends acceptances, each (namespace, activation id), without a record. Unknown ones are passed over."""

    async def get(self, namespace: str, activation_id: str) -> Json:
        """The whole record. NoDocument."""

    async def list(
        self,
        namespace: str,
        *,
        name: str | None = None,
        skip: int = 0,
        limit: int = 0,
        since: int | None = None,
        upto: int | None = None,
        docs: bool = False,
    ) -> Rows:
        """Summaries (or whole records with `docs`) by `start`, the latest first.

        `name`: `action`, or `package/action` for packaged ones (the binding's name where one was used).
        """

    async def count(
        self,
        namespace: str,
        *,
        name: str | None = None,
        skip: int = 0,
        since: int | None = None,
        upto: int | None = None,
    ) -> int:
        """How many rows `list` has, less `skip`; never negative."""

    async def unfinished(self) -> tuple[Acceptance, ...]:
        """Acceptances without a record, oldest first. When a node starts: what the last one left."""

    async def usage(self) -> tuple[NamespaceUsage, ...]:
        """Records and bytes per namespace, without those still on their way to the disk."""

    async def remove_before(self, namespace: str, start: int, most: int) -> int:
        """Removes up to `most` of the records that started before `start`, oldest first; how many."""

    async def remove_oldest(self, namespace: str, surplus: int, most: int) -> int:
        """Removes up to `most` oldest records until `surplus` bytes are freed; how many."""

    async def flush(self) -> None:
        """Returns when everything handed over so far is on disk."""


class Store(Protocol):
    """The three databases of one back end, opened and closed together."""

    @property
    def entities(self) -> EntityStore:
        """Actions, packages, triggers, rules."""

    @property
    def subjects(self) -> SubjectStore:
        """Subjects and their limits."""

    @property
    def activations(self) -> ActivationStore:
        """Activation records and acceptances."""

    @property
    def trouble(self) -> str | None:
        """Why writes fail at present, for health pages; None while all is well."""

    async def close(self) -> None:
        """Writes what is waiting, ends threads, gives the data folder free."""

    def close_now(self) -> None:
        """As `close`, for those who have no loop any longer. Blocks."""
