"""The database `subjects` over any `Documents`."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from owactors.message.store import NoDocument
from owactors.store.documents import Documents, Query
from owactors.store.views import name_key, pair_key

Json = dict[str, Any]
Rows = list[Json]
Ids = list[str]


@frozen
class Subjects:
    """A SubjectStore (see `port`)."""

    documents: Documents

    async def by_key(self, uuid: str, key: str) -> Rows:
        """See the port."""
        return await self._identities(pair_key(uuid, key), limit=2)

    async def by_namespace(self, namespace: str) -> Rows:
        """See the port."""
        return await self._identities(name_key(namespace), limit=0)

    async def _identities(self, key: str, limit: int) -> Rows:
        rows = await self.documents.rows(Query("identities", key, limit=limit))
        return [{**row, "limits": await self.limits(row["namespace"])} for row in rows]

    async def blocked_namespaces(self) -> frozenset[str]:
        """See the port."""
        rows = await self.documents.rows(Query("blocked", ""))
        return frozenset(row["namespace"] for row in rows)

    async def limits(self, namespace: str) -> Json:
        """See the port."""
        try:
            document = await self.documents.get(f"{namespace}/limits")
        except NoDocument:
            return {}
        return {field: value for field, value in document.items() if not field.startswith("_")}

    async def get(self, doc_id: str) -> Json:
        """See the port."""
        return await self.documents.get(doc_id)

    async def put(self, document: Json) -> str:
        """See the port."""
        return await self.documents.put(document)

    async def delete(self, doc_id: str, rev: str) -> None:
        """See the port."""
        await self.documents.delete(doc_id, rev)

    async def ids(self, *, after: str = "", most: int = 500) -> Ids:
        """See the port."""
        return await self.documents.ids(after, most)

    async def list(self, *, skip: int = 0, limit: int = 0) -> Rows:
        """See the port."""
        return await self.documents.rows(Query("subjects", "", skip, limit, descending=False))
