"""What is said with a store: the ways a store refuses, and what it tells about itself."""

from __future__ import annotations

from attrs import frozen


class StoreError(Exception):
    """Base of what a store refuses."""


class NoDocument(StoreError):
    """The document, or its attachment, does not exist."""

    def __init__(self, doc_id: str) -> None:
        super().__init__(f"document {doc_id!r} does not exist")
        self.doc_id = doc_id


class DocumentConflict(StoreError):
    """The revision given is not the current one, or the document exists already."""

    def __init__(self, doc_id: str) -> None:
        super().__init__(f"document {doc_id!r} was changed in the meantime")
        self.doc_id = doc_id


class StoreUnavailable(StoreError):
    """The store cannot work now (disk full, not writable, peer away). `reason` says why and what to do."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@frozen
class Acceptance:
    """A non-blocking call that was answered 202: `message` holds what is needed to finish or explain it."""

    activation_id: str
    namespace: str
    message: bytes
    #: epoch milliseconds
    accepted_at: int


@frozen
class NamespaceUsage:
    """What the activation records of one namespace take: their number, and bytes of JSON."""

    namespace: str
    records: int
    bytes: int
