"""The three databases in one SQLite file of a data folder."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

from attrs import define

from owactors.store.entities import Entities
from owactors.store.sqlite.activations import SqliteActivations
from owactors.store.sqlite.courtesy import Courtesy
from owactors.store.sqlite.documents import SqliteDocuments
from owactors.store.sqlite.folder import DataFolder
from owactors.store.sqlite.readers import Readers
from owactors.store.sqlite.schema import connect_writer
from owactors.store.sqlite.trouble import unavailable
from owactors.store.sqlite.writer import Writer
from owactors.store.subjects import Subjects
from owactors.store.views import entity_rows, subject_rows


@define(eq=False)
class SqliteStore:
    """A Store (see `port`). One process at a time has a folder open."""

    entities: Entities
    subjects: Subjects
    activations: SqliteActivations
    _folder: DataFolder
    _writer: Writer
    _readers: Readers

    @classmethod
    def open(cls, folder: Path) -> SqliteStore:
        """Opens the folder, made if missing. StoreUnavailable: in use, not writable, damaged, too new.

        Call it in the process that uses the store: threads do not survive a fork.
        """
        claimed = DataFolder.claim(folder)
        try:
            connection = connect_writer(claimed.database)
            last = connection.execute("SELECT coalesce(max(sequence), 0) FROM activation").fetchone()[0]
        except sqlite3.Error as error:
            claimed.release()
            raise unavailable(error, claimed.database) from error
        except BaseException:
            claimed.release()
            raise
        return cls._over(claimed, connection, int(last))

    @classmethod
    def _over(cls, folder: DataFolder, connection: sqlite3.Connection, last_sequence: int) -> SqliteStore:
        courtesy = Courtesy()
        writer = Writer(connection, folder.database, courtesy)
        readers = Readers(folder.database, courtesy)
        return cls(
            Entities(SqliteDocuments("whisks", entity_rows, writer, readers)),
            Subjects(SqliteDocuments("subjects", subject_rows, writer, readers)),
            SqliteActivations(writer, readers, last_sequence),
            folder,
            writer,
            readers,
        )

    @property
    def trouble(self) -> str | None:
        """Why writes fail at present; None while all is well."""
        return self._writer.trouble

    async def close(self) -> None:
        """Writes what waits and gives the folder free."""
        await asyncio.get_running_loop().run_in_executor(None, self.close_now)

    def close_now(self) -> None:
        """As `close`, for those who have no loop any longer. Blocks."""
        self._readers.close()
        self._writer.close()
        self._folder.release()
