"""Activation records and acceptances in SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

from owactors.message.store import Acceptance, NamespaceUsage, NoDocument, RecordEntry
from owactors.store.clock import wall_clock
from owactors.store.document import decode
from owactors.store.record import entry_of, row_of
from owactors.store.sqlite.backlog import Backlog
from owactors.store.sqlite.readers import Readers
from owactors.store.sqlite.records import InsertAcceptances, InsertRecords, NamespaceNumbers, Sequenced
from owactors.store.sqlite.selection import Selection
from owactors.store.sqlite.writer import Writer

Json = dict[str, Any]
Rows = list[Json]
Acceptances = tuple[Acceptance, ...]
Usage = tuple[NamespaceUsage, ...]

_NAMESPACE = "(SELECT number FROM namespace WHERE name = ?)"
_REMOVE_BEFORE = f"""
DELETE FROM activation WHERE sequence IN (
    SELECT sequence FROM activation WHERE namespace = {_NAMESPACE} AND start < ?
    ORDER BY start, sequence LIMIT ?)
"""
_REMOVE_OLDEST = f"""
DELETE FROM activation WHERE sequence IN (
    SELECT sequence FROM (
        SELECT sequence, sum(bytes) OVER (ORDER BY start, sequence) - bytes AS before FROM (
            SELECT sequence, start, bytes FROM activation WHERE namespace = {_NAMESPACE}
            ORDER BY start, sequence LIMIT ?))
    WHERE before < ?)
"""
_UNFINISHED = """
SELECT id, name, message, accepted_at FROM acceptance JOIN namespace ON number = acceptance.namespace
ORDER BY accepted_at, acceptance.rowid
"""


class SqliteActivations:
    """An ActivationStore (see `port`)."""

    def __init__(
        self,
        writer: Writer,
        readers: Readers,
        last_sequence: int,
        *,
        now: Callable[[], int] = wall_clock,
        backlog: Backlog | None = None,
    ) -> None:
        self._writer = writer
        self._readers = readers
        self._now = now
        self._backlog = backlog or Backlog()
        self._sequence = count(last_sequence + 1)
        numbers = NamespaceNumbers()
        writer.on_rollback(numbers.forget)
        self._records = InsertRecords(numbers, self._backlog.take)
        self._acceptances = InsertAcceptances(numbers)

    # -- writing

    async def accept(self, activation_id: str, namespace: str, message: bytes) -> None:
        """See the port."""
        if self._backlog.get(namespace, activation_id) is not None:
            return
        accepted = Acceptance(activation_id, namespace, message, self._now())
        await self._writer.run(self._acceptances, accepted)

    async def store(self, record: Json) -> None:
        """See the port."""
        await self.store_all((entry_of(record),))

    async def store_all(self, entries: Sequence[RecordEntry]) -> None:
        """See the port."""
        new = [entry for entry in entries if self._backlog.get(*entry.key) is None]
        arrived = [Sequenced(next(self._sequence), entry) for entry in new]
        await self._writer.run(self._records, arrived, flush=len(new) < len(entries))

    def store_soon(self, record: Json) -> None:
        """See the port."""
        entry = entry_of(record)
        if self._backlog.get(*entry.key) is None:
            arrived = Sequenced(next(self._sequence), entry)
            self._backlog.add(arrived)
            self._writer.soon(self._records, (arrived,))

    async def dismiss(self, keys: Sequence[tuple[str, str]]) -> None:
        """See the port."""
        statement = f"DELETE FROM acceptance WHERE namespace = {_NAMESPACE} AND id = ?"
        await self._writer.call(lambda connection: connection.executemany(statement, keys))

    async def flush(self) -> None:
        """See the port."""
        await self._writer.flush()

    # -- reading

    async def get(self, namespace: str, activation_id: str) -> Json:
        """See the port."""
        waiting = self._backlog.get(namespace, activation_id)
        if waiting is not None:
            return row_of(waiting, docs=True)
        statement = f"SELECT record FROM activation WHERE id = ? AND namespace = {_NAMESPACE}"
        found = self._readers.run_here(
            lambda connection: connection.execute(statement, (activation_id, namespace)).fetchone()
        )
        if found is None:
            raise NoDocument(f"{namespace}/{activation_id}")
        record: Json = decode(found[0])
        return record

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
        waiting = self._backlog.matching(namespace, name, since, upto)
        selection = Selection(namespace, name, since, upto)
        return await self._readers.run(lambda connection: selection.rows(connection, waiting, skip, limit, docs))

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
        waiting = self._backlog.matching(namespace, name, since, upto)
        selection = Selection(namespace, name, since, upto)
        found = await self._readers.run(lambda connection: selection.count(connection, waiting))
        return max(0, found - skip)

    async def unfinished(self) -> Acceptances:
        """See the port."""
        found = await self._readers.run(lambda connection: connection.execute(_UNFINISHED).fetchall())
        return tuple(Acceptance(*row) for row in found if self._backlog.get(row[1], row[0]) is None)

    # -- upkeep

    async def usage(self) -> Usage:
        """See the port."""
        statement = "SELECT name, records, bytes FROM namespace WHERE records > 0 ORDER BY name"
        found = await self._readers.run(lambda connection: connection.execute(statement).fetchall())
        return tuple(NamespaceUsage(*row) for row in found)

    async def remove_before(self, namespace: str, start: int, most: int) -> int:
        """See the port."""
        return await self._remove(_REMOVE_BEFORE, (namespace, start, most))

    async def remove_oldest(self, namespace: str, surplus: int, most: int) -> int:
        """See the port."""
        return await self._remove(_REMOVE_OLDEST, (namespace, most, surplus))

    async def _remove(self, statement: str, parameters: tuple[Any, ...]) -> int:
        def write(connection: sqlite3.Connection) -> int:
            return connection.execute(statement, parameters).rowcount

        return int(await self._writer.call(write))
