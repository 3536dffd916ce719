"""Reading beside the writer: a few threads with a connection each."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from owactors.message.store import StoreUnavailable
from owactors.store.sqlite.courtesy import Courtesy
from owactors.store.sqlite.schema import connect_reader
from owactors.store.sqlite.trouble import unavailable

Result = TypeVar("Result")
#: rows that may be read at once, without a thread
FEW = 50


class Readers:
    """Runs functions of a connection. Each sees what was committed when it began."""

    def __init__(self, path: Path, courtesy: Courtesy | None = None, threads: int = 2) -> None:
        self._path = path
        self._courtesy = courtesy or Courtesy()
        self._courtesy.regard(lambda: 0.0 if self._running else None)
        self._running = 0
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="store-read")
        self._mine = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._closed = False

    async def run(self, read: Callable[[sqlite3.Connection], Result]) -> Result:
        """What `read` returns, run in a thread: for what may take long. StoreUnavailable."""
        self._check()
        self._running += 1
        self._courtesy.begin()
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, self._read, read)
        finally:
            self._running -= 1

    def run_here(self, read: Callable[[sqlite3.Connection], Result]) -> Result:
        """What `read` returns, run at once: for a few rows found by an index, some 50 us. StoreUnavailable.

        The way to a thread and back costs more than such a read, and much more when the loop is busy.
        """
        self._check()
        return self._read(read)

    def _check(self) -> None:
        if self._closed:
            raise StoreUnavailable("the store is closed")

    def _read(self, read: Callable[[sqlite3.Connection], Result]) -> Result:
        try:
            return read(self._connection())
        except sqlite3.Error as error:
            raise unavailable(error, self._path) from error

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._mine, "connection", None)
        if connection is None:
            connection = self._mine.connection = connect_reader(self._path)
            self._connections.append(connection)
        return connection

    def close(self) -> None:
        """Waits for running reads, then closes."""
        self._closed = True
        self._pool.shutdown(wait=True, cancel_futures=True)
        for connection in self._connections:
            connection.close()
        self._connections.clear()
