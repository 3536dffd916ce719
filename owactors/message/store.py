"""What is said with a store: what it refuses, what it tells about itself, and the messages of the store actor.

Every request to the store actor has a `request` number, chosen by who asks; exactly one answer repeats it: the one
named with the request, or `StoreRefused`. Requests may be answered in any order.
"""

from __future__ import annotations

from typing import Any

from attrs import field, frozen

Json = dict[str, Any]


class StoreError(Exception):
    """Base of what a store refuses. Each takes one text, and keeps it when it is sent to another process."""

    subject: str

    def __reduce__(self) -> tuple[type[StoreError], tuple[str]]:
        return (type(self), (self.subject,))


class NoDocument(StoreError):
    """The document, or its attachment, does not exist."""

    def __init__(self, doc_id: str) -> None:
        super().__init__(f"document {doc_id!r} does not exist")
        self.doc_id = self.subject = doc_id


class DocumentConflict(StoreError):
    """The revision given is not the current one, or the document exists already."""

    def __init__(self, doc_id: str) -> None:
        super().__init__(f"document {doc_id!r} was changed in the meantime")
        self.doc_id = self.subject = doc_id


class StoreUnavailable(StoreError):
    """The store cannot work now (disk full, not writable, peer away). `reason` says why and what to do."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = self.subject = reason


@frozen
class Acceptance:
    """A non-blocking call that was answered 202: `message` holds what is needed to finish or explain it."""

    activation_id: str
    namespace: str
    message: bytes
    #: epoch milliseconds
    accepted_at: int
    #: which life of its controller accepted it, where several controllers keep theirs in one store
    life: str = field(default="", eq=False)


@frozen
class NamespaceUsage:
    """What the activation records of one namespace take: their number, and bytes of JSON."""

    namespace: str
    records: int
    bytes: int


@frozen
class RecordEntry:
    """An activation record, checked and encoded as a store keeps it; made by `owactors.store.record.entry_of`.

    `filter` is the name it is listed under (`action` or `package/action`); `summary` and `record` are JSON.
    """

    namespace: str
    activation_id: str
    start: int
    filter: str
    summary: bytes = field(repr=False)
    record: bytes = field(repr=False)

    @property
    def key(self) -> tuple[str, str]:
        """Namespace and id: what makes a record unique."""
        return (self.namespace, self.activation_id)

    def __reduce__(self) -> tuple[Any, ...]:
        return RecordEntry, (*self.key, self.start, self.filter, self.summary, self.record)

    @property
    def size(self) -> int:
        """Bytes of the record's JSON: what it counts for in a namespace's usage."""
        return len(self.record)


# -- to the store actor


@frozen
class StoreRequest:
    """Base of the requests."""

    request: int


@frozen
class GetDocument(StoreRequest):
    """A document of the database `whisks`. DocumentFound."""

    doc_id: str


@frozen
class PutDocument(StoreRequest):
    """Creates or updates a document of the database `whisks`. Stored; refused with DocumentConflict."""

    document: Json = field(repr=False)


@frozen
class GetAttachment(StoreRequest):
    """An attachment of such a document. AttachmentFound."""

    doc_id: str
    name: str


@frozen
class GetBlockedNamespaces(StoreRequest):
    """Which namespaces may not run anything. BlockedNamespaces."""


@frozen
class GetRecord(StoreRequest):
    """An activation record. DocumentFound."""

    namespace: str
    activation_id: str


@frozen
class AcceptActivation(StoreRequest):
    """Keeps an acceptance. Stored, once it is on disk."""

    activation_id: str
    namespace: str
    message: bytes = field(repr=False)


@frozen
class StoreRecords(StoreRequest):
    """Keeps records, in this order. Stored, once all are on disk. May be sent again: nothing is kept twice.

    `dismissed`: (namespace, activation id) of accepted calls that ended without a record to be kept.
    """

    entries: tuple[RecordEntry, ...]
    dismissed: tuple[tuple[str, str], ...] = ()

    def __reduce__(self) -> tuple[Any, ...]:
        return StoreRecords, (self.request, self.entries, self.dismissed)


# -- from the store actor


@frozen
class StoreAnswer:
    """Base of the answers."""

    request: int


@frozen
class DocumentFound(StoreAnswer):
    """The document with `_id` and `_rev`, or the record."""

    document: Json = field(repr=False)


@frozen
class AttachmentFound(StoreAnswer):
    """Content type and bytes."""

    content_type: str
    data: bytes = field(repr=False)


@frozen
class BlockedNamespaces(StoreAnswer):
    """Names of namespaces."""

    namespaces: frozenset[str]


@frozen
class Stored(StoreAnswer):
    """It is on disk."""


@frozen
class StoreRefused(StoreAnswer):
    """The store refused, or could not."""

    error: StoreError
