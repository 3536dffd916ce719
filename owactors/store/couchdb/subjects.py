"""The database `subjects`. An identity comes with its limits in one request: its row points to their document."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from owactors.message.store import NoDocument
from owactors.store.couchdb.database import CouchDatabase
from owactors.store.couchdb.documents import window

Json = dict[str, Any]
Rows = list[Json]
Ids = list[str]

#: a subject that has the same pair several times gives as many rows, which count as one
_MOST_ROWS = 10


@frozen(eq=False)
class CouchSubjects:
    """A SubjectStore (see `port`)."""

    database: CouchDatabase

    async def by_key(self, uuid: str, key: str) -> Rows:
        """See the port."""
        return (await self._identities([uuid, key], limit=_MOST_ROWS))[:2]

    async def by_namespace(self, namespace: str) -> Rows:
        """See the port."""
        return await self._identities([namespace], limit=0)

    async def _identities(self, key: list[str], limit: int) -> Rows:
        options = {"key": key, "include_docs": True, **window(0, limit)}
        found: Rows = []
        for row in await self.database.view("subjects.v2.0.0/identities", **options):
            value = row["value"]
            identity = {
                "subject": row["id"],
                **{field: value[field] for field in ("namespace", "uuid", "key")},
                "limits": _limits(row.get("doc")),
            }
            if identity not in found:
                found.append(identity)
        return found

    async def blocked_namespaces(self) -> frozenset[str]:
        """See the port."""
        rows = await self.database.view("namespaceThrottlings/blockedNamespaces", reduce=False)
        return frozenset(row["key"] for row in rows)

    async def limits(self, namespace: str) -> Json:
        """See the port."""
        try:
            return _limits(await self.database.get(f"{namespace}/limits"))
        except NoDocument:
            return {}

    async def get(self, doc_id: str) -> Json:
        """See the port."""
        return await self.database.get(doc_id)

    async def put(self, document: Json) -> str:
        """See the port."""
        return await self.database.put(document)

    async def delete(self, doc_id: str, rev: str) -> None:
        """See the port."""
        await self.database.delete(doc_id, rev)

    async def ids(self, *, after: str = "", most: int = 500) -> Ids:
        """See the port."""
        return await self.database.ids(after, most)

    async def list(self, *, skip: int = 0, limit: int = 0) -> Rows:
        """See the port."""
        rows = await self.database.view("owactors.v1/subjects", include_docs=True, **window(skip, limit))
        return [row["doc"] for row in rows if row.get("doc")]


def _limits(document: Json | None) -> Json:
    return {field: value for field, value in (document or {}).items() if not field.startswith("_")}
