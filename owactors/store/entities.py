"""The database `whisks` over any `Documents`."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from owactors.store.documents import Documents, Query
from owactors.store.views import ENTITY_COLLECTIONS

Json = dict[str, Any]
Rows = list[Json]
Ids = list[str]


@frozen
class Entities:
    """An EntityStore (see `port`)."""

    documents: Documents

    async def get(self, doc_id: str) -> Json:
        """See the port."""
        return await self.documents.get(doc_id)

    async def put(self, document: Json) -> str:
        """See the port."""
        return await self.documents.put(document)

    async def delete(self, doc_id: str, rev: str) -> None:
        """See the port."""
        await self.documents.delete(doc_id, rev)

    async def attach(self, doc_id: str, rev: str, name: str, content_type: str, data: bytes) -> str:
        """See the port."""
        return await self.documents.attach(doc_id, rev, name, content_type, data)

    async def attachment(self, doc_id: str, name: str) -> tuple[str, bytes]:
        """See the port."""
        return await self.documents.attachment(doc_id, name)

    async def ids(self, *, after: str = "", most: int = 500) -> Ids:
        """See the port."""
        return await self.documents.ids(after, most)

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
        """See the port."""
        check_collection(collection)
        query = Query(collection, namespace, skip, limit, since, upto, descending, docs)
        return await self.documents.rows(query)

    async def count(
        self,
        collection: str,
        namespace: str,
        *,
        skip: int = 0,
        since: int | None = None,
        upto: int | None = None,
    ) -> int:
        """See the port."""
        check_collection(collection)
        found = await self.documents.count(Query(collection, namespace, since=since, upto=upto))
        return max(0, found - skip)


def check_collection(collection: str) -> None:
    """ValueError: there is no such view."""
    if collection not in ENTITY_COLLECTIONS:
        raise ValueError(f"no collection {collection!r}; there are {', '.join(sorted(ENTITY_COLLECTIONS))}")
