"""Writing many records or acceptances at once.

A statement that inserts many rows in one step lets the writer's thread run without Python's lock for the whole of
it. A step per row would have to win the lock back for each, against a loop that is busy.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, TypeVar

from attrs import Factory, define, frozen

from owactors.message.store import Acceptance, RecordEntry

Element = TypeVar("Element")
#: rows per statement: few different ones, so that they stay prepared. Rows that are too many are filled with NULL.
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
_LARGEST = _SIZES[-1]


@frozen
class Sequenced:
    """A record and its place in the order of arrival."""

    sequence: int
    entry: RecordEntry


@define(eq=False)
class NamespaceNumbers:
    """Numbers of namespaces, as the writer's connection knows them."""

    _known: dict[str, int] = Factory(dict)

    def number(self, connection: sqlite3.Connection, namespace: str) -> int:
        """The namespace's number, given to it now if it has none."""
        number = self._known.get(namespace)
        if number is None:
            connection.execute("INSERT OR IGNORE INTO namespace (name) VALUES (?)", (namespace,))
            found = connection.execute("SELECT number FROM namespace WHERE name = ?", (namespace,))
            number = self._known[namespace] = int(found.fetchone()[0])
        return number

    def forget(self) -> None:
        """A transaction was undone: the numbers given in it are void."""
        self._known.clear()


@frozen(eq=False)
class InsertRecords:
    """Operation: keeps records, each argument a few of them. One whose id is there already changes nothing."""

    numbers: NamespaceNumbers
    on_disk: Callable[[Sequence[Sequenced]], None]
    rank: ClassVar[int] = 1

    def apply(self, connection: sqlite3.Connection, arguments: Sequence[Sequence[Sequenced]]) -> list[None]:
        """See Operation."""
        for chunk in _chunks([arrived for some in arguments for arrived in some]):
            parameters: list[Any] = []
            for arrived in chunk:
                entry = arrived.entry
                number = self.numbers.number(connection, entry.namespace)
                parameters += (arrived.sequence, number, entry.activation_id, entry.start, entry.filter)
                parameters += (entry.size, entry.summary, entry.record)
            _insert(connection, _RECORDS, parameters, len(chunk))
        return [None] * len(arguments)

    def is_single(self, arguments: Sequence[Sequence[Sequenced]]) -> bool:
        """See Operation."""
        return sum(map(len, arguments)) <= _LARGEST

    def committed(self, arguments: Sequence[Sequence[Sequenced]]) -> None:
        """See Operation."""
        for some in arguments:
            self.on_disk(some)


@frozen(eq=False)
class InsertAcceptances:
    """Operation: keeps acceptances. One that is there, or that has its record already, changes nothing."""

    numbers: NamespaceNumbers
    rank: ClassVar[int] = 0

    def apply(self, connection: sqlite3.Connection, arguments: Sequence[Acceptance]) -> list[None]:
        """See Operation."""
        for chunk in _chunks(arguments):
            parameters: list[Any] = []
            for accepted in chunk:
                number = self.numbers.number(connection, accepted.namespace)
                parameters += (accepted.activation_id, number, accepted.accepted_at, accepted.message)
            _insert(connection, _ACCEPTANCES, parameters, len(chunk))
        return [None] * len(arguments)

    def is_single(self, arguments: Sequence[Acceptance]) -> bool:
        """See Operation."""
        return len(arguments) <= _LARGEST

    def committed(self, arguments: Sequence[Acceptance]) -> None:
        """Nothing more to do."""


def _chunks(elements: Sequence[Element]) -> Iterator[Sequence[Element]]:
    for begin in range(0, len(elements), _LARGEST):
        yield elements[begin : begin + _LARGEST]


def _insert(connection: sqlite3.Connection, statements: dict[int, str], parameters: list[Any], rows: int) -> None:
    size = next(size for size in _SIZES if size >= rows)
    columns = len(parameters) // rows
    connection.execute(statements[size], parameters + [None] * (columns * (size - rows)))


def _values(columns: int, rows: int) -> str:
    row = f"({', '.join('?' * columns)})"
    return f"(VALUES {', '.join([row] * rows)}) AS new"


_RECORDS = {
    size: "INSERT INTO activation (sequence, namespace, id, start, filter, bytes, summary, record) "
    f"SELECT * FROM {_values(8, size)} WHERE new.column1 IS NOT NULL ON CONFLICT (id, namespace) DO NOTHING"
    for size in _SIZES
}
_ACCEPTANCES = {
    size: "INSERT OR IGNORE INTO acceptance (id, namespace, accepted_at, message) "
    f"SELECT * FROM {_values(4, size)} WHERE new.column1 IS NOT NULL AND NOT EXISTS "
    "(SELECT 1 FROM activation WHERE id = new.column1 AND namespace = new.column2)"
    for size in _SIZES
}
