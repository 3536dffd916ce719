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


class BadFrame(Exception):
    """The bytes are not what the peer with the key would have sent; the connection must be closed."""


class Seal:
    """Seals or checks the frames of one direction, in order."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._number = 0

    def seal(self, frame: bytes | memoryview) -> bytes:
        """The seal of the next frame, given its length field and body."""
        number = NUMBER.pack(self._number)
        self._number += 1
        if len(frame) <= ONE_SHOT:
            return hmac.digest(self._key, number + bytes(frame), "sha256")
        state = hmac.new(self._key, number, sha256)
        state.update(frame)
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

    def feed(self, data: bytes | memoryview) -> list[bytes]:
        """BadFrame for a length over the limit or a wrong seal; earlier frames of the same data are lost then."""
        buffer = self._buffer
        if buffer:
            buffer += data
        source = buffer or data
        bodies: list[bytes] = []
        position = 0
        with memoryview(source) as view:
            while (end := self._end_of(view, position)) is not None:
                if self._seal is not None:
                    self._check(self._seal, view[position:end], view[end : end + SEAL_SIZE])
                bodies.append(bytes(view[position + LENGTH.size : end]))
                position = end + self._tail
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

    @staticmethod
    def _check(seal: Seal, frame: memoryview, tag: memoryview) -> None:
        with frame, tag:
            genuine = hmac.compare_digest(seal.seal(frame), tag)
        if not genuine:
            raise BadFrame("wrong seal")
