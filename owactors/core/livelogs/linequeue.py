"""Lines that wait for somebody slower: bounded by number and size, and what is left out is counted and said."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from typing import Generic, TypeVar

from attrs import define, field

from owactors.core.logs import TIME_COLUMNS, log_line

Key = TypeVar("Key", bound=Hashable)

MOST_WAITING = 10_000
#: of which something may be missing
MOST_KEYS = 10_000
#: characters of all that waits, and of one line
MOST_TEXT = 8 * 1024 * 1024
LONGEST = 256 * 1024


def left_out(count: int, last: str) -> str:
    """The line in place of so many; its time is that of the last one of them."""
    what = "1 line is" if count == 1 else f"{count} lines are"
    return log_line(last[:TIME_COLUMNS].rstrip(), "stderr", f"{what} left out here, the record has all.")


@define(eq=False)
class LineQueue(Generic[Key]):
    """Lines in their order, `(key, text)`; a key says whose it is. Where some are missing a line says how many."""

    most: int = MOST_WAITING
    _lines: deque[tuple[Key, str]] = field(factory=deque)
    _text: int = 0
    #: key -> how many are missing behind its last line here, and the last of these
    _missing: dict[Key, tuple[int, str]] = field(factory=dict)

    def __len__(self) -> int:
        """Lines that `take` can give, those about missing ones among them."""
        return len(self._lines) + len(self._missing)

    def add(self, key: Key, text: str) -> None:
        """A line came. If there is no room, or lines of its key are missing already, it is only counted."""
        full = len(self._lines) >= self.most or self._text + len(text) > MOST_TEXT or len(text) > LONGEST
        if full or key in self._missing:
            self.leave_out(key, text)
            return
        self._lines.append((key, text))
        self._text += len(text)

    def leave_out(self, key: Key, text: str) -> None:
        """A line of this key is missing behind all that wait. Of more than MOST_KEYS nothing is said."""
        if key in self._missing or len(self._missing) < MOST_KEYS:
            count, _ = self._missing.get(key, (0, ""))
            self._missing[key] = (count + 1, text[:TIME_COLUMNS])

    def take(self, most: int, characters: int = MOST_TEXT) -> list[tuple[Key, str]]:
        """The oldest lines, at most so many and about so long together, one at least if there is one."""
        found: list[tuple[Key, str]] = []
        while self._lines and len(found) < most and (not found or characters >= len(self._lines[0][1])):
            key, text = self._lines.popleft()
            self._text -= len(text)
            characters -= len(text)
            found.append((key, text))
        if not self._lines:
            while self._missing and len(found) < most:
                key = next(iter(self._missing))
                found.append((key, left_out(*self._missing.pop(key))))
        return found
