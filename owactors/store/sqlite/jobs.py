"""What the writer thread is asked to do: operations, and jobs that wait for their turn."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar, Protocol

from attrs import define, frozen

Outcome = Any  #: the result, or the exception to raise


class Operation(Protocol):
    """A kind of write. Jobs of one kind in a batch are carried out together, kinds in order of `rank`."""

    rank: ClassVar[int]

    def apply(self, connection: sqlite3.Connection, arguments: Sequence[Any]) -> Sequence[Outcome]:
        """Writes inside the open transaction; an outcome for each argument. sqlite3.Error undoes the batch."""

    def is_single(self, arguments: Sequence[Any]) -> bool:
        """True if `apply` runs one statement, which can be a transaction by itself."""

    def committed(self, arguments: Sequence[Any]) -> None:
        """They are on disk. Called in the writer's thread, before anybody is told."""


@define(eq=False)
class Job:
    """One argument of an operation. Without a future nobody waits: it is kept until it succeeds."""

    operation: Operation
    argument: Any
    future: asyncio.Future[Any] | None = None
    #: takes all patient jobs along, also those that rest after a failure
    flush: bool = False


@frozen
class Call:
    """Runs each argument, a function of the connection, by itself: what it raises undoes its own writes only."""

    rank: ClassVar[int] = 2

    def apply(
        self, connection: sqlite3.Connection, arguments: Sequence[Callable[[sqlite3.Connection], Any]]
    ) -> list[Outcome]:
        return [self._outcome(connection, function) for function in arguments]

    def _outcome(self, connection: sqlite3.Connection, function: Callable[[sqlite3.Connection], Any]) -> Outcome:
        connection.execute("SAVEPOINT call")
        try:
            return function(connection)
        except sqlite3.Error:
            raise
        except Exception as refusal:
            connection.execute("ROLLBACK TO call")
            return refusal
        finally:
            if connection.in_transaction:  # not after an error that undid everything
                connection.execute("RELEASE call")

    def is_single(self, arguments: Sequence[Any]) -> bool:
        """See Operation."""
        return False

    def committed(self, arguments: Sequence[Any]) -> None:
        """Nothing more to do."""


@frozen
class Nothing:
    """Writes nothing: whoever waits for it waits for all that was asked before."""

    rank: ClassVar[int] = 3

    def apply(self, connection: sqlite3.Connection, arguments: Sequence[Any]) -> list[Outcome]:
        return [None] * len(arguments)

    def is_single(self, arguments: Sequence[Any]) -> bool:
        """See Operation."""
        return False

    def committed(self, arguments: Sequence[Any]) -> None:
        """Nothing more to do."""


def settle(finished: Iterable[tuple[Job, Outcome]]) -> None:
    """Resolves the futures, each in its own loop, with one wake-up per loop. From any thread."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], Outcome]]] = {}
    for job, outcome in finished:
        if job.future is not None:
            by_loop.setdefault(job.future.get_loop(), []).append((job.future, outcome))
    for loop, outcomes in by_loop.items():
        try:
            loop.call_soon_threadsafe(_resolve, outcomes)
        except RuntimeError:
            pass  # the loop is closed: nobody waits any longer


def _resolve(outcomes: list[tuple[asyncio.Future[Any], Outcome]]) -> None:
    for future, outcome in outcomes:
        if future.done():
            continue
        if isinstance(outcome, BaseException):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)
