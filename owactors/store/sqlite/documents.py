"""Documents in SQLite: one database (`whisks` or `subjects`) of the file."""

from __future__ import annotations

import sqlite3
from typing import Any

from attrs import frozen

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
from owactors.store.sqlite.readers import FEW, Readers
from owactors.store.sqlite.writer import Writer
from owactors.store.views import Emissions, Row

Json = dict[str, Any]
Rows = list[Json]
_LEAST, _MOST = -(2**63), 2**63 - 1

_FIND = "SELECT number, revision, body FROM document WHERE db = ? AND id = ?"
_STUBS = "SELECT name, stub FROM attachment WHERE document = ? ORDER BY name"
_UPSERT = """
INSERT INTO document (db, id, revision, body) VALUES (?, ?, ?, ?)
ON CONFLICT (db, id) DO UPDATE SET revision = excluded.revision, body = excluded.body RETURNING number
"""
_MATCHING = "FROM view WHERE db = ? AND collection = ? AND key = ? AND position BETWEEN ? AND ?"


@frozen(eq=False)
class SqliteDocuments:
    """A `Documents`: `db` tells its rows from those of other databases in the file."""

    db: str
    emissions: Emissions
    writer: Writer
    readers: Readers

    async def get(self, doc_id: str) -> Json:
        """See the port."""
        return self.readers.run_here(lambda connection: self._whole(connection, doc_id))

    def _whole(self, connection: sqlite3.Connection, doc_id: str) -> Json:
        """One statement per table, in one transaction: the attachments are those of this revision."""
        connection.execute("BEGIN")
        try:
            found = connection.execute(_FIND, (self.db, doc_id)).fetchone()
            stubs = connection.execute(_STUBS, (found[0],)).fetchall() if found else []
        finally:
            connection.execute("COMMIT")
        if found is None:
            raise NoDocument(doc_id)
        return whole(doc_id, found[1], decode(found[2]), {name: decode(text) for name, text in stubs})

    async def put(self, document: Json) -> str:
        """See the port."""
        doc_id, body = identity_of(document), body_of(document)
        rows = [(row, encode(row.value)) for row in self.emissions({"_id": doc_id, **body})]
        encoded, keep, expected = encode(body), kept_attachments(document), document.get("_rev")

        def write(connection: sqlite3.Connection) -> str:
            found = connection.execute(_FIND, (self.db, doc_id)).fetchone()
            if expected != (found[1] if found else None):
                raise DocumentConflict(doc_id)
            revision = next_revision(expected)
            (number,) = connection.execute(_UPSERT, (self.db, doc_id, revision, encoded)).fetchone()
            _drop_attachments(connection, number, keep)
            self._put_rows(connection, number, doc_id, rows)
            return revision

        revision: str = await self.writer.call(write)
        return revision

    def _put_rows(
        self, connection: sqlite3.Connection, number: int, doc_id: str, rows: list[tuple[Row, bytes]]
    ) -> None:
        connection.execute("DELETE FROM view WHERE document = ?", (number,))
        connection.executemany(
            "INSERT OR REPLACE INTO view VALUES (?, ?, ?, ?, ?, ?, ?)",
            [(self.db, row.collection, row.key, row.order, doc_id, number, value) for row, value in rows],
        )

    async def delete(self, doc_id: str, rev: str) -> None:
        """See the port."""

        def write(connection: sqlite3.Connection) -> None:
            number = self._at(connection, doc_id, rev)
            connection.execute("DELETE FROM document WHERE number = ?", (number,))

        await self.writer.call(write)

    def _at(self, connection: sqlite3.Connection, doc_id: str, rev: str) -> int:
        """The number of the document, which must be at this revision."""
        found = connection.execute(_FIND, (self.db, doc_id)).fetchone()
        if found is None:
            raise NoDocument(doc_id)
        if found[1] != rev:
            raise DocumentConflict(doc_id)
        return int(found[0])

    async def attach(self, doc_id: str, rev: str, name: str, content_type: str, data: bytes) -> str:
        """See the port."""

        def write(connection: sqlite3.Connection) -> str:
            try:
                number = self._at(connection, doc_id, rev)
            except NoDocument:
                raise DocumentConflict(doc_id) from None
            revision = next_revision(rev)
            about = encode(stub(content_type, data, generation_of(revision)))
            connection.execute("UPDATE document SET revision = ? WHERE number = ?", (revision, number))
            connection.execute(
                "INSERT OR REPLACE INTO attachment VALUES (?, ?, ?, ?, ?)",
                (number, name, content_type, about, data),
            )
            return revision

        revision: str = await self.writer.call(write)
        return revision

    async def attachment(self, doc_id: str, name: str) -> tuple[str, bytes]:
        """See the port."""
        statement = (
            "SELECT content_type, data FROM attachment JOIN document ON document = number "
            "WHERE db = ? AND id = ? AND name = ?"
        )
        found = await self.readers.run(
            lambda connection: connection.execute(statement, (self.db, doc_id, name)).fetchone()
        )
        if found is None:
            raise NoDocument(f"{doc_id}/{name}")
        return found[0], found[1]

    async def ids(self, after: str, most: int) -> list[str]:
        """See the port."""
        statement = "SELECT id FROM document WHERE db = ? AND id > ? ORDER BY id LIMIT ?"
        found = await self.readers.run(
            lambda connection: connection.execute(statement, (self.db, after, most)).fetchall()
        )
        return [row[0] for row in found]

    async def rows(self, query: Query) -> Rows:
        """See the port."""
        if 0 < query.limit <= FEW and not query.docs:
            return self.readers.run_here(lambda connection: self._rows(connection, query))
        return await self.readers.run(lambda connection: self._rows(connection, query))

    def _rows(self, connection: sqlite3.Connection, query: Query) -> Rows:
        way = "DESC" if query.descending else "ASC"
        statement = f"SELECT id, value {_MATCHING} ORDER BY position {way}, id {way} LIMIT ? OFFSET ?"
        parameters = (*self._bounds(query), query.limit or -1, query.skip)
        found = connection.execute(statement, parameters).fetchall()
        values = [(doc_id, None if query.docs else decode(value)) for doc_id, value in found]
        return [value if value is not None else self._whole(connection, doc_id) for doc_id, value in values]

    def _bounds(self, query: Query) -> tuple[str, str, str, int, int]:
        since = _LEAST if query.since is None else query.since
        upto = _MOST if query.upto is None else query.upto
        return (self.db, query.collection, query.key, since, upto)

    async def count(self, query: Query) -> int:
        """See the port."""
        found = await self.readers.run(
            lambda connection: connection.execute(f"SELECT count(*) {_MATCHING}", self._bounds(query)).fetchone()
        )
        return int(found[0])


def _drop_attachments(connection: sqlite3.Connection, number: int, keep: frozenset[str]) -> None:
    for name, _ in connection.execute(_STUBS, (number,)).fetchall():
        if name not in keep:
            connection.execute("DELETE FROM attachment WHERE document = ? AND name = ?", (number, name))
