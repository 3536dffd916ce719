"""Transaction ids: what ties together everything done for one request. (OpenWhisk, TransactionId.scala.)"""

from __future__ import annotations

import os
from typing import Any

from attrs import frozen

ID_LENGTH = 32
SYSTEM_PREFIX = "sid_"


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
        match value:
            case [str(id), int(start)]:
                return cls(id, start)
            case [str(id), int(start), bool(extra)]:
                return cls(id, start, extra)
            case [str(id), int(start), list(parent)]:
                return cls(id, start, False, cls.from_json(parent))
            case [str(id), int(start), bool(extra), list(parent)]:
                return cls(id, start, extra, cls.from_json(parent))
        return UNKNOWN

    def __str__(self) -> str:
        return f"#tid_{self.id}"


UNKNOWN = TransactionId.system("unknown")
