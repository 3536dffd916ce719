"""Frames: a length of 4 bytes, a body, and on TCP a seal of 32 bytes. Pure: bytes in, bytes out.

The seal is HMAC-SHA-256 under the connection's key for this direction over the frame's number (8 bytes), its length
field and its body, so a frame that is changed, left out, repeated or moved is noticed before anything is decoded.
"""

from __future__ import annotations

import hmac
import struct
from hashlib import sha256

from owactors.actorbase.limits import MAX_FRAME

LENGTH = struct.Struct(">I")
NUMBER = struct.Struct(">Q")
SEAL_SIZE = 32
ONE_SHOT = 64 << 10
LARGE = 32 << 10

Body = bytes | memoryview


class BadFrame(Exception):
    """The bytes are not what the peer with the key would have sent; the connection must be closed."""


class Seal:
    """Seals or checks the frames of one direction, in order."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._number = 0

    def seal(self, *pieces: bytes | memoryview) -> bytes:
        """The seal of the next frame, given its length field and body in one or more pieces."""
        number = NUMBER.pack(self._number)
        self._number += 1
        if len(pieces) == 1 and len(pieces[0]) <= ONE_SHOT:
            return hmac.digest(self._key, number + pieces[0], "sha256")
        state = hmac.new(self._key, number, sha256)
        for piece in pieces:
            state.update(piece)
        return state.digest()


def pack(body: bytes) -> bytes:
    """Length and body, not sealed. ValueError over MAX_FRAME."""
    if len(body) > MAX_FRAME:
        raise ValueError(f"message of {len(body)} bytes is over the limit of {MAX_FRAME}")
    return LENGTH.pack(len(body)) + body


class FrameReader:
    """Takes received bytes, gives the bodies of whole and genuine frames."""

    def __init__(self, seal: Seal | None, limit: int = MAX_FRAME) -> None:
        self._seal = seal
        self._limit = limit
        self._tail = SEAL_SIZE if seal else 0
        self._buffer = bytearray()
        self._large: memoryview | None = None
        """Of a large frame whose beginning has come: where the rest belongs."""
        self._filled = 0

    @property
    def room(self) -> memoryview | None:
        """Where the next bytes may be received to, if they are the rest of a large frame: then call filled()."""
        return None if self._large is None else self._large[self._filled :]

    def filled(self, size: int) -> list[Body]:
        """So many bytes were received into `room`. BadFrame."""
        large = self._large
        assert large is not None
        self._filled += size
        after = len(large) - LENGTH.size
        if self._filled < after:
            return []
        self._large = None
        end = after - self._tail
        self._check(large[:end], large[end:after])
        return [large[LENGTH.size : end], *self.feed(large[after : self._filled])]

    def feed(self, data: bytes | memoryview) -> list[Body]:
        """BadFrame for a length over the limit or a wrong seal; earlier frames of the same data are lost then."""
        bodies: list[Body] = []
        while self._large is not None and len(data):
            taken = min(len(data), len(self._large) - self._filled)
            self._large[self._filled : self._filled + taken] = data[:taken]
            bodies += self.filled(taken)
            data = data[taken:]
        buffer = self._buffer
        if buffer:
            buffer += data
        source = buffer or data
        position = 0
        with memoryview(source) as view:
            while (end := self._end_of(view, position)) is not None:
                self._check(view[position:end], view[end : end + self._tail])
                bodies.append(bytes(view[position + LENGTH.size : end]))
                position = end + self._tail
            position = self._begin_large(view, position)
        if source is buffer:
            del buffer[:position]
        else:
            buffer += data[position:]
        return bodies

    def _end_of(self, view: memoryview, position: int) -> int | None:
        """Where the body of the frame at this position ends, if it is all here."""
        if len(view) - position < LENGTH.size:
            return None
        length: int = LENGTH.unpack_from(view, position)[0]
        if length > self._limit:
            raise BadFrame(f"frame of {length} bytes")
        end = position + LENGTH.size + length
        return end if len(view) >= end + self._tail else None

    def _begin_large(self, view: memoryview, position: int) -> int:
        """If the frame here is large, the rest of it needs no copy; the new position."""
        if len(view) - position < LENGTH.size:
            return position
        size = LENGTH.size + LENGTH.unpack_from(view, position)[0] + self._tail
        if size < LARGE:
            return position
        # There is room for the length of the next frame too, so that it is known when this one is complete.
        self._large, self._filled = memoryview(bytearray(size + LENGTH.size)), len(view) - position
        self._large[: self._filled] = view[position:]
        return len(view)

    def _check(self, frame: memoryview, tag: memoryview) -> None:
        with tag:
            genuine = self._seal is None or hmac.compare_digest(self._seal.seal(frame), tag)
        if not genuine:
            raise BadFrame("wrong seal")
