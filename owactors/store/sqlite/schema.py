"""Tables, indexes and triggers, and how older files become newer ones.

`PRAGMA user_version` counts the migrations that a file has gone through. To change the schema, append to
MIGRATIONS; never edit one that was released.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from owactors.message.store import StoreUnavailable

# Documents of all databases, and the rows they have in views. Views are read in order of (position, id).
_DOCUMENTS = """
CREATE TABLE document (
    number INTEGER PRIMARY KEY,
    db TEXT NOT NULL,
    id TEXT NOT NULL,
    revision TEXT NOT NULL,
    body BLOB NOT NULL,
    UNIQUE (db, id)
);
CREATE TABLE attachment (
    document INTEGER NOT NULL REFERENCES document ON DELETE CASCADE,
    name TEXT NOT NULL,
    content_type TEXT NOT NULL,
    stub BLOB NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (document, name)
);
CREATE TABLE view (
    db TEXT NOT NULL,
    collection TEXT NOT NULL,
    key TEXT NOT NULL,
    position INTEGER NOT NULL,
    id TEXT NOT NULL,
    document INTEGER NOT NULL REFERENCES document ON DELETE CASCADE,
    value BLOB NOT NULL,
    PRIMARY KEY (db, collection, key, position, id)
) WITHOUT ROWID;
CREATE INDEX view_by_document ON view (document);
"""

# Records. `sequence` is the order of arrival; every index ends with it. `summary` stands before `record` so that a
# list does not read long results and logs. Triggers keep the books: what is counted cannot differ from what is there.
_ACTIVATIONS = """
CREATE TABLE namespace (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    records INTEGER NOT NULL DEFAULT 0,
    bytes INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE activation (
    sequence INTEGER PRIMARY KEY,
    namespace INTEGER NOT NULL,
    id TEXT NOT NULL,
    start INTEGER NOT NULL,
    filter TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    summary BLOB NOT NULL,
    record BLOB NOT NULL
);
CREATE UNIQUE INDEX activation_by_id ON activation (id, namespace);
CREATE INDEX activation_by_start ON activation (namespace, start);
CREATE INDEX activation_by_filter ON activation (namespace, filter, start);
CREATE TABLE acceptance (
    id TEXT NOT NULL,
    namespace INTEGER NOT NULL,
    accepted_at INTEGER NOT NULL,
    message BLOB NOT NULL,
    PRIMARY KEY (id, namespace)
);
CREATE TRIGGER activation_stored AFTER INSERT ON activation BEGIN
    UPDATE namespace SET records = records + 1, bytes = bytes + new.bytes WHERE number = new.namespace;
    DELETE FROM acceptance WHERE id = new.id AND namespace = new.namespace;
END;
CREATE TRIGGER activation_removed AFTER DELETE ON activation BEGIN
    UPDATE namespace SET records = records - 1, bytes = bytes - old.bytes WHERE number = old.namespace;
END;
"""

MIGRATIONS: tuple[str, ...] = (_DOCUMENTS + _ACTIVATIONS,)


def connect(path: Path) -> sqlite3.Connection:
    """A connection in autocommit mode, for one thread at a time. sqlite3.Error."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA temp_store = MEMORY")
    return connection


def connect_writer(path: Path) -> sqlite3.Connection:
    """The connection that writes: the file is made or brought up to date. A commit is on disk when it returns."""
    connection = connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA cache_size = -16384")
    migrate(connection, path)
    return connection


def connect_reader(path: Path) -> sqlite3.Connection:
    """A connection that only reads."""
    connection = connect(path)
    connection.execute("PRAGMA query_only = ON")
    return connection


def migrate(connection: sqlite3.Connection, path: Path, steps: tuple[str, ...] = MIGRATIONS) -> None:
    """Runs the migrations that the file has not seen, each whole or not at all."""
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > len(steps):
        raise StoreUnavailable(
            f"{path} was written by a newer owactors (schema {version}, this one knows {len(steps)}): "
            "use that one, or another data folder"
        )
    for number, script in enumerate(steps[version:], version + 1):
        connection.executescript(f"BEGIN IMMEDIATE; {script} PRAGMA user_version = {number}; COMMIT;")
