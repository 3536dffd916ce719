"""How much of a path is known to be full: who fills one invoker after the other does not pass all of them again."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from itertools import islice

from attrs import Factory, define

#: home index, step, memory in MB
Path = tuple[int, int, int]
#: places that had more room afterwards; who was not asked for longer begins anew
REMEMBERED = 64
PATHS = 1024
WORTH = 16


@define
class Frontiers:
    """The first so many places of a path are full."""

    _roomier: deque[int] = Factory(lambda: deque(maxlen=REMEMBERED))
    #: how many places have become roomier so far
    _changes: int = 0
    #: places of a path, and the number of changes when that was so
    _full: dict[Path, tuple[int, int]] = Factory(dict)

    def roomier(self, index: int) -> None:
        """The place has more room than before."""
        self._roomier.append(index)
        self._changes += 1

    def since(self, path: Path) -> tuple[int, Iterable[int]]:
        """How many places of the path were full, and which have become roomier since."""
        full, changes = self._full.get(path, (0, 0))
        new = self._changes - changes
        if new > REMEMBERED or not full:
            return 0, ()
        return full, islice(self._roomier, len(self._roomier) - new, None)

    def note(self, path: Path, full: int) -> None:
        """So many places of the path are full now. Of few it is not worth to know."""
        if full < WORTH:
            self._full.pop(path, None)
            return
        if len(self._full) >= PATHS and path not in self._full:
            self._full.clear()
        self._full[path] = full, self._changes
