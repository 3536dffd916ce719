"""The databases `whisks` and `subjects`: which view answers which query."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from owactors.store.couchdb.database import CouchDatabase
from owactors.store.couchdb.exact import exact_document
from owactors.store.documents import Query

Json = dict[str, Any]
Rows = list[Json]

#: sorts after every text that a key contains (OpenWhisk, WhiskQueries.TOP)
TOP = "\ufff0"

_ENTITY_VIEWS = {
    **{name: f"whisks.v2.1.0/{name}" for name in ("actions", "packages", "packages-public", "rules", "triggers")},
    "bindings": "owactors.v1/bindings",
}
#: collections whose rows have no value of their own
_WHOLE = frozenset({"rules"})


def key_range(key: str, since: int | None, upto: int | None, *, descending: bool) -> Json | None:
    """Options that select the rows `[key, since]` to `[key, upto]`, both included; None: there can be none."""
    if since is not None and upto is not None and since > upto:
        return None
    first = [key] if since is None else [key, since]
    last = [key, TOP if upto is None else upto, TOP]
    start, end = (last, first) if descending else (first, last)
    return {"startkey": start, "endkey": end, **({"descending": True} if descending else {})}


def window(skip: int, limit: int) -> Json:
    """Options that leave out rows at the beginning and the end."""
    return {**({"skip": skip} if skip > 0 else {}), **({"limit": limit} if limit > 0 else {})}


@frozen(eq=False)
class CouchDocuments:
    """A `Documents` over the database `whisks`."""

    database: CouchDatabase

    async def get(self, doc_id: str) -> Json:
        """See Documents."""
        return await self.database.get(doc_id)

    async def put(self, document: Json) -> str:
        """See Documents."""
        return await self.database.put(document)

    async def delete(self, doc_id: str, rev: str) -> None:
        """See Documents."""
        await self.database.delete(doc_id, rev)

    async def attach(self, doc_id: str, rev: str, name: str, content_type: str, data: bytes) -> str:
        """See Documents."""
        return await self.database.attach(doc_id, rev, name, content_type, data)

    async def attachment(self, doc_id: str, name: str) -> tuple[str, bytes]:
        """See Documents."""
        return await self.database.attachment(doc_id, name)

    async def ids(self, after: str, most: int) -> list[str]:
        """See Documents."""
        return await self.database.ids(after, most)

    async def rows(self, query: Query) -> Rows:
        """See Documents."""
        bounds = key_range(query.key, query.since, query.upto, descending=query.descending)
        if bounds is None:
            return []
        whole = query.docs or query.collection in _WHOLE
        rows = await self.database.view(
            _ENTITY_VIEWS[query.collection],
            reduce=False,
            include_docs=whole,
            **bounds,
            **window(query.skip, query.limit),
        )
        return [exact_document(row["doc"]) if whole else row["value"] for row in rows if not whole or row.get("doc")]

    async def count(self, query: Query) -> int:
        """See Documents."""
        bounds = key_range(query.key, query.since, query.upto, descending=False)
        if bounds is None:
            return 0
        rows = await self.database.view(_ENTITY_VIEWS[query.collection], reduce=True, **bounds)
        return int(rows[0]["value"]) if rows else 0
