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
from owactors.store.sqlite.schema import connect_reader
from owactors.store.sqlite.trouble import unavailable

Result = TypeVar("Result")


class Readers:
    """Runs functions of a connection in threads. Each sees what was committed when it began."""

    def __init__(self, path: Path, threads: int = 2) -> None:
        self._path = path
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="store-read")
        self._mine = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._closed = False

    async def run(self, read: Callable[[sqlite3.Connection], Result]) -> Result:
        """What `read` returns. StoreUnavailable."""
        if self._closed:
            raise StoreUnavailable("the store is closed")
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._read, read)

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
