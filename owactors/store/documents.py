"""One database of documents with views: what `Entities` and `Subjects` need from a back end of our own."""

from __future__ import annotations

from typing import Any, Protocol

from attrs import frozen

Json = dict[str, Any]
Rows = list[Json]


@frozen
class Query:
    """Which rows of a view: those of `collection` under `key`, `since` <= order <= `upto`."""

    collection: str
    key: str
    skip: int = 0
    #: 0: all
    limit: int = 0
    since: int | None = None
    upto: int | None = None
    descending: bool = True
    docs: bool = False


class Documents(Protocol):
    """Documents by `_id`, each with its revision, attachments and rows in views."""

    async def get(self, doc_id: str) -> Json:
        """The whole document. NoDocument."""

    async def put(self, document: Json) -> str:
        """Creates or updates; the new revision. DocumentConflict."""

    async def delete(self, doc_id: str, rev: str) -> None:
        """NoDocument, DocumentConflict."""

    async def attach(self, doc_id: str, rev: str, name: str, content_type: str, data: bytes) -> str:
        """The document's new revision. DocumentConflict."""

    async def attachment(self, doc_id: str, name: str) -> tuple[str, bytes]:
        """Content type and bytes. NoDocument."""

    async def ids(self, after: str, most: int) -> list[str]:
        """Up to `most` ids of documents, ascending, those after `after`."""

    async def rows(self, query: Query) -> Rows:
        """Values of the rows in order; whole documents for rows without value, or if `docs`."""

    async def count(self, query: Query) -> int:
        """How many rows there are, `skip` and `limit` left aside."""
