"""Activation records and acceptances in CouchDB."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from owactors.message.store import Acceptance, NamespaceUsage, NoDocument, RecordEntry
from owactors.store.clock import wall_clock
from owactors.store.couchdb.acceptances import Acceptances
from owactors.store.couchdb.database import CouchDatabase
from owactors.store.couchdb.documents import key_range, window
from owactors.store.couchdb.outbox import Outbox
from owactors.store.couchdb.parcel import Parcel
from owactors.store.couchdb.records import acceptance_id, record_id, record_of, record_parcel, removal
from owactors.store.record import entry_of, row_of

Json = dict[str, Any]
Rows = list[Json]
Unfinished = tuple[Acceptance, ...]
Usage = tuple[NamespaceUsage, ...]

_SIZES = "owactors.v1/sizes"
#: seconds between two looks for acceptances whose record was kept by another node
_TIDY_INTERVAL = 30.0


class CouchActivations:
    """An ActivationStore (see `port`). Lists are read from OpenWhisk's views; of equal starts by id, as there."""

    def __init__(
        self, database: CouchDatabase, *, outbox: Outbox | None = None, now: Callable[[], int] = wall_clock
    ) -> None:
        self._database = database
        self.outbox = outbox or Outbox(database)
        self._acceptances = Acceptances(database, self.outbox)
        self._now = now
        self._tidied = 0.0

    # -- writing

    async def accept(self, activation_id: str, namespace: str, message: bytes) -> None:
        """See the port."""
        if self.outbox.waiting(namespace, activation_id) is None:
            await self._acceptances.add(Acceptance(activation_id, namespace, message, self._now()))

    async def store(self, record: Json) -> None:
        """See the port."""
        await self.store_all((entry_of(record),))

    async def store_all(self, entries: Sequence[RecordEntry]) -> None:
        """See the port."""
        new = [entry for entry in entries if self.outbox.waiting(*entry.key) is None]
        await self.outbox.send([self._parcel(entry) for entry in new])
        if len(new) < len(entries):
            await self.outbox.flush()

    def store_soon(self, record: Json) -> None:
        """See the port."""
        entry = entry_of(record)
        if self.outbox.waiting(*entry.key) is None:
            self.outbox.soon(self._parcel(entry))

    def _parcel(self, entry: RecordEntry) -> Parcel:
        return record_parcel(entry, lambda _: self._acceptances.end(entry.key))

    async def dismiss(self, keys: Sequence[tuple[str, str]]) -> None:
        """See the port."""
        await self._acceptances.dismiss(keys)

    async def flush(self) -> None:
        """See the port."""
        await self.outbox.flush()

    # -- reading

    async def get(self, namespace: str, activation_id: str) -> Json:
        """See the port."""
        waiting = self.outbox.waiting(namespace, activation_id)
        if waiting is not None:
            return row_of(waiting, docs=True)
        doc_id = record_id((namespace, activation_id))
        document = await self._database.get(doc_id)
        if "activationId" not in document:
            raise NoDocument(doc_id)
        return record_of(document)

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
        """See the port."""
        view, key = _view_of(namespace, name)
        bounds = key_range(key, since, upto, descending=True)
        if bounds is None:
            return []
        await self._settled(namespace)
        options = {"reduce": False, "include_docs": docs, **bounds, **window(skip, limit)}
        rows = await self._database.view(view, **options)
        return [record_of(row["doc"]) for row in rows if row.get("doc")] if docs else [row["value"] for row in rows]

    async def count(
        self,
        namespace: str,
        *,
        name: str | None = None,
        skip: int = 0,
        since: int | None = None,
        upto: int | None = None,
    ) -> int:
        """See the port."""
        view, key = _view_of(namespace, name)
        bounds = key_range(key, since, upto, descending=False)
        if bounds is None:
            return 0
        await self._settled(namespace)
        rows = await self._database.view(view, reduce=True, **bounds)
        return max(0, int(rows[0]["value"]) - skip) if rows else 0

    async def _settled(self, namespace: str) -> None:
        """What is on its way belongs into lists: they wait for it."""
        if self.outbox.waits_for(namespace):
            await self.outbox.flush()

    async def unfinished(self) -> Unfinished:
        """See the port."""
        return await self._acceptances.unfinished()

    # -- upkeep

    async def usage(self) -> Usage:
        """See the port."""
        if time.monotonic() - self._tidied > _TIDY_INTERVAL:
            self._tidied = time.monotonic()
            await self._acceptances.tidy()
        rows = await self._database.view(_SIZES, reduce=True, group_level=1)
        found = [NamespaceUsage(row["key"][0], row["value"]["count"], row["value"]["sum"]) for row in rows]
        return tuple(sorted(found, key=lambda one: one.namespace))

    async def remove_before(self, namespace: str, start: int, most: int) -> int:
        """See the port."""
        return await self._remove([row["id"] for row in await self._oldest(namespace, most, start - 1)])

    async def remove_oldest(self, namespace: str, surplus: int, most: int) -> int:
        """See the port."""
        chosen: list[str] = []
        for row in await self._oldest(namespace, most if surplus > 0 else 0):
            if surplus <= 0:
                break
            chosen.append(row["id"])
            surplus -= row["value"]
        return await self._remove(chosen)

    async def _oldest(self, namespace: str, most: int, upto: int | None = None) -> Rows:
        bounds = key_range(namespace, None, upto, descending=False)
        if bounds is None or most <= 0:
            return []
        return await self._database.view(_SIZES, reduce=False, limit=most, **bounds)

    async def _remove(self, doc_ids: Sequence[str]) -> int:
        """Removes records, and first what is left of their acceptances, which would seem unfinished otherwise."""
        if not doc_ids:
            return 0
        accepted = [acceptance_id((one.rpartition("/")[0], one.rpartition("/")[2])) for one in doc_ids]
        revisions = await self._database.revisions([*accepted, *doc_ids])
        gone = [one for one in (*accepted, *doc_ids) if one in revisions]
        answer = await self._database.bulk(removal(one, revisions[one]) for one in gone)
        removed = {row.get("id") for row in answer.json or () if not row.get("error")}
        return len(removed.intersection(doc_ids))


def _view_of(namespace: str, name: str | None) -> tuple[str, str]:
    """View and first part of its keys. (OpenWhisk, WhiskActivation.scala.)"""
    if name is None:
        return "whisks.v2.1.0/activations", namespace
    return "whisks-filters.v2.1.1/activations", f"{namespace}/{name}"
