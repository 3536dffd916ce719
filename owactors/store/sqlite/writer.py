"""The one thread that writes: takes what waits, writes it in one transaction, syncs once, tells everybody."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from attrs import define, field

from owactors.message.store import StoreUnavailable
from owactors.store.sqlite.courtesy import Courtesy
from owactors.store.sqlite.jobs import Call, Job, Nothing, Operation, Outcome, settle
from owactors.store.sqlite.queue import JobQueue
from owactors.store.sqlite.trouble import unavailable

#: seconds to wait after the first failed write, and at most
_REST, _LONGEST_REST = 0.25, 5.0
#: how often what nobody waits for is tried when the store closes
_LAST_TRIES = 3

log = logging.getLogger(__name__)


class Writer:
    """Group commit over one connection. Safe to use from any thread and loop."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        path: Path,
        courtesy: Courtesy | None = None,
        queue: JobQueue | None = None,
    ) -> None:
        self._connection = connection
        self._path = path
        self._queue = queue or JobQueue()
        self._courtesy = courtesy or Courtesy()
        self._courtesy.regard(self._wish)
        self._writing = False
        self._failures = 0
        self._call, self._nothing = Call(), Nothing()
        self._on_rollback: list[Callable[[], None]] = []
        #: why the last write failed; None: it did not
        self.trouble: str | None = None
        self._thread = threading.Thread(target=self._run, name="store-write", daemon=True)
        self._thread.start()

    async def run(self, operation: Operation, argument: Any, *, flush: bool = False) -> Any:
        """The operation's outcome, once it is on disk. StoreUnavailable, and what the operation raises."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if not self._queue.put(Job(operation, argument, future, flush)):
            raise StoreUnavailable("the store is closed")
        self._courtesy.begin()
        return await future

    async def call(self, function: Callable[[sqlite3.Connection], Any]) -> Any:
        """As `run`, for a function that writes by itself."""
        return await self.run(self._call, function)

    def soon(self, operation: Operation, argument: Any) -> None:
        """Written in a moment, tried until it succeeds."""
        if not self._queue.put(Job(operation, argument)):
            raise StoreUnavailable("the store is closed")
        self._courtesy.begin(self._queue.linger)

    def _wish(self) -> float | None:
        return 0.0 if self._writing else self._queue.due_in()

    async def flush(self) -> None:
        """Returns when all that was asked before is on disk. StoreUnavailable if it cannot be."""
        await self.run(self._nothing, None, flush=True)

    def on_rollback(self, forget: Callable[[], None]) -> None:
        """Called in the writer's thread when a batch was undone: for caches of what was in the file."""
        self._on_rollback.append(forget)

    def close(self) -> None:
        """Writes what waits, ends the thread, closes the connection. Blocks."""
        self._queue.close()
        self._thread.join()
        self._connection.close()

    # -- in the thread

    def _run(self) -> None:
        while (jobs := self._queue.take()) is not None:
            self._writing = True
            self._write(jobs)
            self._writing = False
            if self._queue.closing and self._failures >= _LAST_TRIES:
                break
        lost = self._queue.abandon()
        if lost:
            log.error("the store closes without having written %d entries: %s", len(lost), self.trouble)

    def _write(self, jobs: list[Job]) -> None:
        try:
            finished = self._commit(jobs)
        except sqlite3.Error as error:
            self._failed(jobs, unavailable(error, self._path))
        except Exception as error:
            log.exception("a defect in the store's writer")
            self._failed(jobs, StoreUnavailable(f"the store failed on {self._path}: {error!r}"))
        else:
            self._succeeded(jobs)
            settle(finished)

    def _commit(self, jobs: Sequence[Job]) -> list[tuple[Job, Outcome]]:
        """One transaction, or one statement that is its own: each step costs a fight for Python's lock."""
        groups = _grouped(jobs)
        if len(groups) == 1 and groups[0].operation.is_single(groups[0].arguments):
            return self._apply(groups)
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            finished = self._apply(groups)
            connection.execute("COMMIT")
        except BaseException:
            self._roll_back()
            raise
        return finished

    def _apply(self, groups: Sequence[_Group]) -> list[tuple[Job, Outcome]]:
        finished: list[tuple[Job, Outcome]] = []
        for group in groups:
            outcomes = group.operation.apply(self._connection, group.arguments)
            finished += zip(group.jobs, outcomes, strict=True)
        return finished

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            try:
                self._connection.execute("ROLLBACK")
            except sqlite3.Error:
                log.exception("the store cannot undo a write")
        for forget in self._on_rollback:
            forget()

    def _succeeded(self, jobs: Sequence[Job]) -> None:
        for group in _grouped(jobs):
            group.operation.committed(group.arguments)
        if self._failures:
            log.warning("the store writes again after %d failures", self._failures)
        self._failures, self.trouble = 0, None

    def _failed(self, jobs: Sequence[Job], reason: StoreUnavailable) -> None:
        if not self._failures:
            log.error("the store cannot write: %s", reason.reason)
        self._failures += 1
        self.trouble = reason.reason
        rest = min(_LONGEST_REST, _REST * 2 ** min(self._failures - 1, 10))
        self._queue.put_back([job for job in jobs if job.future is None], rest)
        settle((job, StoreUnavailable(reason.reason)) for job in jobs)


@define(eq=False)
class _Group:
    """Jobs of one operation."""

    operation: Operation
    jobs: list[Job] = field(factory=list)
    arguments: list[Any] = field(factory=list)


def _grouped(jobs: Sequence[Job]) -> list[_Group]:
    groups: dict[Operation, _Group] = {}
    for job in jobs:
        group = groups.get(job.operation)
        if group is None:
            group = groups[job.operation] = _Group(job.operation)
        group.jobs.append(job)
        group.arguments.append(job.argument)
    return sorted(groups.values(), key=lambda group: group.operation.rank)
