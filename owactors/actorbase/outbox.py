"""What waits to be written to one socket: gathers small frames into one send, never blocks, never writes for long."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from owactors.actorbase.frames import Seal
from owactors.actorbase.limits import GATHER, WRITE_TURN
from owactors.actorbase.tls import Connection

MOST_PIECES = 256


def nothing(_: Outbox) -> bool:
    """There is never more to write."""
    return False


class Outbox:
    """Writes frames to a connected non-blocking socket; `lost` is called when that fails.

    `more` is called when all is written: it adds something, or returns False.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        sock: Connection,
        seal: Seal | None,
        lost: Callable[[int], None],
        more: Callable[[Outbox], bool] = nothing,
    ) -> None:
        self._loop, self._sock, self._seal, self._lost, self._more = loop, sock, seal, lost, more
        self._waiting: deque[bytes | memoryview] = deque()
        self._watching = False

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def raw(self, data: bytes) -> None:
        """Queue bytes of the handshake."""
        self._waiting.append(data)

    def add(self, *pieces: bytes | memoryview) -> None:
        """Queue a frame (length and body, in one or more pieces); it gets its seal here."""
        self._waiting.extend(pieces)
        if self._seal is not None:
            self._waiting.append(self._seal.seal(*pieces))

    def flush(self) -> None:
        """Write what the socket takes, at most WRITE_TURN; the loop goes on with the rest."""
        if self._watching:
            return
        budget = WRITE_TURN
        while self._waiting or self._more(self):
            if budget <= 0:
                self._watch()
                return
            pieces, size = self._gather()
            try:
                sent = self._sock.send(pieces[0]) if len(pieces) == 1 else self._sock.sendmsg(pieces)
            except BlockingIOError:
                sent = 0
            except OSError as failure:
                self._waiting.clear()
                self._lost(failure.errno or 0)
                return
            budget -= sent
            if sent < size:
                self._put_back(pieces, sent)
                self._watch()
                return

    def _gather(self) -> tuple[list[bytes | memoryview], int]:
        """Pieces for one call, small ones joined."""
        waiting = self._waiting
        pieces, size = [waiting.popleft()], 0
        size = len(pieces[0])
        while waiting and size < GATHER and len(pieces) < MOST_PIECES:
            pieces.append(waiting.popleft())
            size += len(pieces[-1])
        if len(pieces) > 2 and size <= 2 * GATHER:
            return [b"".join(pieces)], size
        return pieces, size

    def _put_back(self, pieces: list[bytes | memoryview], sent: int) -> None:
        for index, piece in enumerate(pieces):
            if sent < len(piece):
                self._waiting.extendleft(reversed([memoryview(piece)[sent:], *pieces[index + 1 :]]))
                return
            sent -= len(piece)

    def _watch(self) -> None:
        self._watching = True
        self._loop.add_writer(self._sock.fileno(), self._writable)

    def _writable(self) -> None:
        self._loop.remove_writer(self._sock.fileno())
        self._watching = False
        self.flush()

    def close(self) -> None:
        """Stop watching; the socket itself is the caller's."""
        if self._watching:
            self._watching = False
            self._loop.remove_writer(self._sock.fileno())
        self._waiting.clear()
        self._more = nothing
