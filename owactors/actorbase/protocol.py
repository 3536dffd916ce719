"""The bodies of frames: hello and letters from the caller; welcome, stale and acknowledgements from the answerer."""

from __future__ import annotations

import pickle
import struct
from dataclasses import dataclass
from typing import Any

from owactors.actorbase.frames import LENGTH, BadFrame, pack
from owactors.actorbase.limits import MAX_MESSAGE, PART_SIZE

INCARNATION = 16
STREAM = 16
UNKNOWN = bytes(INCARNATION)
HELLO = struct.Struct(f">{STREAM}s{INCARNATION}sQBH")
MOST_HOST = 255
LETTER = struct.Struct(">QQ")
ACK = struct.Struct(">cQ")
REPLY_LIMIT = 64

WELCOME = b"W"
STALE = pack(b"S")
HURRY = pack(b"")
"""From a caller that is about to end: acknowledge each letter at once from now on."""
ACKED = b"A"


@dataclass(frozen=True)
class Hello:
    """Who calls. `first` is the number of the first letter to come, counted over all connections of the stream."""

    stream: bytes
    """Random name of the caller's numbering of letters to us."""
    expected: bytes
    """The incarnation that the caller means to reach, UNKNOWN at the first call."""
    first: int
    external: bool
    """The caller waits for its letters to be taken: acknowledge each at once."""
    host: str
    port: int
    """Where the caller's process can be called."""

    def pack(self) -> bytes:
        fixed = HELLO.pack(self.stream, self.expected, self.first, self.external, self.port)
        return pack(fixed + self.host.encode("ascii"))

    @classmethod
    def unpack(cls, body: bytes) -> Hello:
        """BadFrame if it is not a hello."""
        try:
            stream, expected, first, external, port = HELLO.unpack_from(body)
            host = body[HELLO.size :].decode("ascii")
        except (struct.error, UnicodeDecodeError) as failure:
            raise BadFrame(f"no hello: {failure}") from failure
        if external > 1 or not 0 < len(host) <= MOST_HOST:
            raise BadFrame("no hello")
        return cls(stream, expected, first, bool(external), host, port)


class Large:
    """A letter that is sent in parts (parts.py): the pieces of its pickle, `size` bytes."""

    __slots__ = ("pair", "pieces", "size")

    def __init__(self, pair: bytes, pieces: list[bytes]) -> None:
        self.pair, self.pieces = pair, pieces
        self.size = sum(map(len, pieces))

    def __len__(self) -> int:
        return len(self.pair) + self.size


class _Sink(list[Any]):
    """What a pickler writes: its own frames, and large values as they are, not copied."""

    __slots__ = ()
    write = list.append


_large_kinds: set[type] = set()
"""Classes whose last message was large: they are pickled without copying, which costs small ones more."""


def pack_letter(target: int, sender: int, message: Any) -> bytes | Large:
    """A message from one actor of this process to one of the peer's, as a frame; ValueError if it is too large.

    Raises what pickle raises for a message that cannot be pickled.
    """
    kind = type(message)
    if kind in _large_kinds:
        pieces = _pickle_in_pieces(message)
        if len(pieces) == 1:
            _large_kinds.discard(kind)
    else:
        pieces = [pickle.dumps(message, 5)]
    size = len(pieces[0]) if len(pieces) == 1 else sum(map(len, pieces))
    if size <= PART_SIZE:
        return b"".join([LENGTH.pack(LETTER.size + size), LETTER.pack(target, sender), *pieces])
    if size > MAX_MESSAGE:
        raise ValueError(f"message of {size} bytes is over the limit of {MAX_MESSAGE}")
    _large_kinds.add(kind)
    return Large(LETTER.pack(target, sender), pieces)


def _pickle_in_pieces(message: Any) -> list[bytes]:
    sink = _Sink()
    pickle.Pickler(sink, 5).dump(message)
    return [bytes(piece) for piece in sink]  # of bytes it makes no copy


def pair_of(frame: bytes | Large) -> bytes:
    """Which actor it goes to and which it comes from."""
    return frame.pair if isinstance(frame, Large) else frame[LENGTH.size : LENGTH.size + LETTER.size]


def pack_ack(taken: int) -> bytes:
    """So many letters of this caller were taken, counted over all connections."""
    return pack(ACK.pack(ACKED, taken))


def unpack_ack(body: bytes) -> int:
    try:
        kind, taken = ACK.unpack(body)
    except struct.error as failure:
        raise BadFrame("malformed reply") from failure
    if kind != ACKED:
        raise BadFrame("unknown reply")
    return int(taken)
