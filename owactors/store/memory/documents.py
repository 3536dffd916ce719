"""Documents in memory, with their views kept up to date at each write."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from attrs import Factory, define, evolve, frozen

from owactors.message.store import DocumentConflict, NoDocument
from owactors.store.document import (
    body_of,
    decode,
    encode,
    generation_of,
    identity_of,
    kept_attachments,
    next_revision,
    stub,
    whole,
)
from owactors.store.documents import Query
from owactors.store.views import Emissions, Row

Json = dict[str, Any]
Rows = list[Json]


@frozen
class _Attachment:
    content_type: str
    data: bytes
    stub: Json


@frozen
class _Stored:
    """A document: `rows` are those it has in the views, their values encoded."""

    revision: str
    body: bytes
    rows: tuple[tuple[Row, bytes], ...] = ()
    attachments: dict[str, _Attachment] = Factory(dict)


@define
class MemoryDocuments:
    """A `Documents`. Values are kept encoded, so that nothing is shared with callers."""

    emissions: Emissions
    _stored: dict[str, _Stored] = Factory(dict)
    #: (collection, key) -> document id -> (order, encoded value)
    _views: dict[tuple[str, str], dict[str, tuple[int, bytes]]] = Factory(lambda: defaultdict(dict))

    async def get(self, doc_id: str) -> Json:
        """See the port."""
        return self._whole(doc_id)

    def _whole(self, doc_id: str) -> Json:
        stored = self._found(doc_id)
        stubs = {name: dict(attachment.stub) for name, attachment in stored.attachments.items()}
        return whole(doc_id, stored.revision, decode(stored.body), stubs)

    def _found(self, doc_id: str) -> _Stored:
        try:
            return self._stored[doc_id]
        except KeyError:
            raise NoDocument(doc_id) from None

    async def put(self, document: Json) -> str:
        """See the port."""
        doc_id = identity_of(document)
        before = self._stored.get(doc_id)
        if document.get("_rev") != (before.revision if before else None):
            raise DocumentConflict(doc_id)
        body = body_of(document)
        rows = tuple((row, encode(row.value)) for row in self.emissions({"_id": doc_id, **body}))
        keep = kept_attachments(document)
        attachments = {name: old for name, old in before.attachments.items() if name in keep} if before else {}
        after = _Stored(next_revision(before.revision if before else None), encode(body), rows, attachments)
        self._forget_rows(doc_id, before)
        self._stored[doc_id] = after
        for row, value in rows:
            self._views[row.collection, row.key][doc_id] = (row.order, value)
        return after.revision

    def _forget_rows(self, doc_id: str, stored: _Stored | None) -> None:
        for row, _ in stored.rows if stored else ():
            self._views[row.collection, row.key].pop(doc_id, None)

    async def delete(self, doc_id: str, rev: str) -> None:
        """See the port."""
        stored = self._found(doc_id)
        if stored.revision != rev:
            raise DocumentConflict(doc_id)
        self._forget_rows(doc_id, stored)
        del self._stored[doc_id]

    async def attach(self, doc_id: str, rev: str, name: str, content_type: str, data: bytes) -> str:
        """See the port."""
        stored = self._stored.get(doc_id)
        if stored is None or stored.revision != rev:
            raise DocumentConflict(doc_id)
        revision = next_revision(rev)
        new = _Attachment(content_type, data, stub(content_type, data, generation_of(revision)))
        attachments = {**stored.attachments, name: new}
        self._stored[doc_id] = evolve(stored, revision=revision, attachments=attachments)
        return revision

    async def attachment(self, doc_id: str, name: str) -> tuple[str, bytes]:
        """See the port."""
        found = self._found(doc_id).attachments.get(name)
        if found is None:
            raise NoDocument(f"{doc_id}/{name}")
        return found.content_type, found.data

    async def ids(self, after: str, most: int) -> list[str]:
        """See the port."""
        return sorted(doc_id for doc_id in self._stored if doc_id > after)[:most]

    async def rows(self, query: Query) -> Rows:
        """See the port."""
        rows = self._matching(query)
        end = query.skip + query.limit if query.limit else None
        return [self._answer(doc_id, value, query.docs) for _, doc_id, value in rows[query.skip : end]]

    def _answer(self, doc_id: str, encoded: bytes, docs: bool) -> Json:
        value: Json | None = None if docs else decode(encoded)
        return self._whole(doc_id) if value is None else value

    async def count(self, query: Query) -> int:
        """See the port."""
        return len(self._matching(query))

    def _matching(self, query: Query) -> list[tuple[int, str, bytes]]:
        view = self._views.get((query.collection, query.key), {})
        rows = (
            (order, doc_id, value)
            for doc_id, (order, value) in view.items()
            if (query.since is None or order >= query.since) and (query.upto is None or order <= query.upto)
        )
        return sorted(rows, reverse=query.descending)
