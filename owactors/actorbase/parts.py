"""Large letters travel in parts, so that no other letter waits behind them. Pure: bytes in, bytes out.

    part = PART (8)  number of the large letter (8)  bytes
    last = LAST (8)  number of the large letter (8)  target actor (8)  sending actor (8)  bytes

The pickle of a letter is all its parts, then the bytes of the last one. Only the last one counts as a letter.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from owactors.actorbase.frames import LENGTH, BadFrame
from owactors.actorbase.limits import MAX_MESSAGE, PART_SIZE, PARTED_AT_ONCE
from owactors.actorbase.protocol import LETTER, Large

PART: Final = 2**64 - 1
LAST: Final = 2**64 - 2
"""In the place of a target: numbers of actors are smaller."""


class Parted:
    """A large letter as the frames that carry it, one after the other."""

    def __init__(self, large: Large, number: int) -> None:
        self._pair, self._number, self._left = large.pair, number, large.size
        self._source = PieceReader([memoryview(piece) for piece in large.pieces])

    def next(self) -> tuple[list[bytes | memoryview], bool]:
        """The next frame, in pieces, and whether it is the last."""
        is_last = self._left <= PART_SIZE
        size = min(self._left, PART_SIZE)
        self._left -= size
        head = LETTER.pack(LAST, self._number) + self._pair if is_last else LETTER.pack(PART, self._number)
        return [LENGTH.pack(len(head) + size) + head, *self._source.views(size)], is_last


class Assembly:
    """Puts the large letters of one connection together."""

    def __init__(self) -> None:
        self._parts: dict[int, list[memoryview]] = {}
        self._sizes: dict[int, int] = {}

    def part(self, number: int, data: memoryview) -> None:
        """BadFrame for too many letters at once, or one that is too large."""
        if number not in self._parts:
            if len(self._parts) >= PARTED_AT_ONCE:
                raise BadFrame("too many large letters at once")
            self._parts[number], self._sizes[number] = [], 0
        self._sizes[number] += len(data)
        if self._sizes[number] > MAX_MESSAGE:
            raise BadFrame(f"letter of more than {MAX_MESSAGE} bytes")
        self._parts[number].append(data)

    def last(self, number: int, data: memoryview) -> list[memoryview]:
        """All pieces of this letter's pickle."""
        pieces = self._parts.pop(number, [])
        if self._sizes.pop(number, 0) + len(data) > MAX_MESSAGE:
            raise BadFrame(f"letter of more than {MAX_MESSAGE} bytes")
        return [*pieces, data]


class PieceReader:
    """A file for the unpickler that reads from pieces without joining them first."""

    def __init__(self, pieces: Sequence[memoryview]) -> None:
        self._pieces, self._index, self._at = pieces, 0, 0

    def _some(self, most: int) -> memoryview:
        """Bytes of the current piece; none at the end."""
        while self._index < len(self._pieces):
            data = self._pieces[self._index][self._at : self._at + most]
            if len(data) or not most:
                self._at += len(data)
                return data
            self._index, self._at = self._index + 1, 0
        return memoryview(b"")

    def views(self, size: int) -> list[memoryview]:
        """The next so many bytes, or what is left, where they are."""
        found: list[memoryview] = []
        while size and len(more := self._some(size)):
            found.append(more)
            size -= len(more)
        return found

    def read(self, size: int) -> bytes:
        """As a file has it."""
        return b"".join(self.views(size))

    def readinto(self, buffer: memoryview) -> int:
        """As a file has it."""
        filled = 0
        while filled < len(buffer) and len(more := self._some(len(buffer) - filled)):
            buffer[filled : filled + len(more)] = more
            filled += len(more)
        return filled

    def readline(self) -> bytes:
        """As a file has it."""
        line = bytearray()
        while not line.endswith(b"\n") and len(one := self._some(1)):
            line += one
        return bytes(line)
