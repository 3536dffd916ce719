"""Which activations a list or a count is about, on disk and on their way there."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from attrs import frozen

from owactors.store.document import decode
from owactors.store.sqlite.records import Sequenced

Json = dict[str, Any]


@frozen
class Selection:
    """The records of a namespace, of one name perhaps, with `since` <= start <= `upto`."""

    namespace: str
    name: str | None
    since: int | None
    upto: int | None

    def _where(self) -> tuple[str, list[Any]]:
        conditions = ["namespace = (SELECT number FROM namespace WHERE name = ?)"]
        parameters: list[Any] = [self.namespace]
        for condition, value in (("filter = ?", self.name), ("start >= ?", self.since), ("start <= ?", self.upto)):
            if value is not None:
                conditions.append(condition)
                parameters.append(value)
        return " AND ".join(conditions), parameters

    def rows(
        self, connection: sqlite3.Connection, waiting: Sequence[Sequenced], skip: int, limit: int, docs: bool
    ) -> list[Json]:
        """Rows, the latest first. `waiting` was looked up before: what was written since is in both."""
        if not waiting:
            return [decode(row[3]) for row in self._select(connection, skip, limit, docs)]
        found = self._select(connection, 0, skip + limit if limit else 0, docs)
        merged = {row[2]: (row[0], row[1], row[3]) for row in found}
        for arrived in waiting:
            entry = arrived.entry
            merged[entry.activation_id] = (
                entry.start,
                arrived.sequence,
                entry.record if docs else entry.summary,
            )
        ordered = sorted(merged.values(), key=lambda place: place[:2], reverse=True)
        return [decode(place[2]) for place in ordered[skip : skip + limit if limit else None]]

    def _select(
        self, connection: sqlite3.Connection, skip: int, limit: int, docs: bool
    ) -> list[tuple[int, int, str, bytes]]:
        where, parameters = self._where()
        statement = (
            f"SELECT start, sequence, id, {'record' if docs else 'summary'} FROM activation WHERE {where} "
            "ORDER BY start DESC, sequence DESC LIMIT ? OFFSET ?"
        )
        return connection.execute(statement, (*parameters, limit or -1, skip)).fetchall()

    def count(self, connection: sqlite3.Connection, waiting: Sequence[Sequenced]) -> int:
        """How many there are."""
        where, parameters = self._where()
        connection.execute("BEGIN")  # one view of the file for all that is asked
        try:
            found = connection.execute(f"SELECT count(*) FROM activation WHERE {where}", parameters)
            on_disk = int(found.fetchone()[0])
            return on_disk + sum(1 for arrived in waiting if not _written(connection, arrived))
        finally:
            connection.execute("COMMIT")


def _written(connection: sqlite3.Connection, arrived: Sequenced) -> bool:
    statement = "SELECT 1 FROM activation JOIN namespace ON number = activation.namespace WHERE id = ? AND name = ?"
    parameters = (arrived.entry.activation_id, arrived.entry.namespace)
    return connection.execute(statement, parameters).fetchone() is not None
