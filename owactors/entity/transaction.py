"""Transaction ids: what ties together everything done for one request. (OpenWhisk, TransactionId.scala.)"""

from __future__ import annotations

import os
from typing import Any, TypeGuard

from attrs import frozen

ID_LENGTH = 32
SYSTEM_PREFIX = "sid_"
#: parents that are read; in a composition there is one more with each call
DEEPEST = 300
#: start times (epoch ms) are smaller
LATEST = 2**63


@frozen
class TransactionId:
    """`id` (32 letters and digits, or `sid_…` of the system), `start` in epoch ms, and perhaps a parent."""

    id: str
    start: int
    extra_logging: bool = False
    parent: TransactionId | None = None

    @classmethod
    def fresh(cls, start: int, extra_logging: bool = False) -> TransactionId:
        """A new random id."""
        return cls(os.urandom(ID_LENGTH // 2).hex(), start, extra_logging)

    @classmethod
    def system(cls, name: str, start: int = 0) -> TransactionId:
        """The id `sid_<name>` of work that no request caused."""
        return cls(SYSTEM_PREFIX + name, start)

    def child(self, start: int) -> TransactionId:
        """A fresh id below this one."""
        fresh = TransactionId.fresh(start, self.extra_logging)
        return TransactionId(fresh.id, start, self.extra_logging, self)

    @property
    def root(self) -> TransactionId:
        """The outermost parent."""
        return self if self.parent is None else self.parent.root

    def values(self) -> tuple[Any, ...]:
        """What it is made from: no more than is not the default."""
        if self.parent is None and not self.extra_logging:
            return self.id, self.start
        return self.id, self.start, self.extra_logging, self.parent

    def __reduce__(self) -> tuple[Any, ...]:
        return TransactionId, self.values()

    def to_json(self) -> list[Any]:
        """`[id, start, true?, parent?]`."""
        form: list[Any] = [self.id, self.start]
        if self.extra_logging:
            form.append(True)
        if self.parent is not None:
            form.append(self.parent.to_json())
        return form

    @classmethod
    def from_json(cls, value: object) -> TransactionId:
        """Reads the array; anything that is not one becomes `sid_unknown`, as in the original."""
        return cls._read(value, DEEPEST)

    @classmethod
    def _read(cls, value: object, levels: int) -> TransactionId:
        match value:
            case [str(id), start, *rest] if levels and _is_time(start):
                pass
            case _:
                return UNKNOWN
        match rest:
            case []:
                return cls(id, int(start))
            case [bool(extra)]:
                return cls(id, int(start), extra)
            case [list(parent)]:
                return cls(id, int(start), False, cls._read(parent, levels - 1))
            case [bool(extra), list(parent)]:
                return cls(id, int(start), extra, cls._read(parent, levels - 1))
        return UNKNOWN

    def __str__(self) -> str:
        return f"#tid_{self.id}"


def _is_time(start: object) -> TypeGuard[int | float]:
    """A number that is some epoch ms."""
    return isinstance(start, int | float) and not isinstance(start, bool) and abs(start) < LATEST


UNKNOWN = TransactionId.system("unknown")
