"""What waits to be written to one socket: gathers small frames into one send, never blocks, never writes for long."""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Callable

from owactors.actorbase.frames import Seal
from owactors.actorbase.limits import WRITE_TURN

GATHER = 64 << 10


class Outbox:
    """Writes frames to a connected non-blocking socket; `lost` is called when that fails."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, sock: socket.socket, seal: Seal | None, lost: Callable[[int], None]
    ) -> None:
        self._loop, self._sock, self._seal, self._lost = loop, sock, seal, lost
        self._waiting: deque[bytes | memoryview] = deque()
        self._watching = False

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def raw(self, data: bytes) -> None:
        """Queue bytes of the handshake."""
        self._waiting.append(data)

    def add(self, frame: bytes) -> None:
        """Queue a frame (length and body); it gets its seal here."""
        self._waiting.append(frame)
        if self._seal is not None:
            self._waiting.append(self._seal.seal(frame))

    def flush(self) -> None:
        """Write what the socket takes, at most WRITE_TURN; the loop goes on with the rest."""
        if self._watching:
            return
        budget = WRITE_TURN
        while self._waiting and budget > 0:
            data = self._gather()
            try:
                sent = self._sock.send(data)
            except BlockingIOError:
                sent = 0
            except OSError as failure:
                self._waiting.clear()
                self._lost(failure.errno or 0)
                return
            budget -= sent
            if sent < len(data):
                self._waiting.appendleft(memoryview(data)[sent:])
                break
        if self._waiting:
            self._watching = True
            self._loop.add_writer(self._sock.fileno(), self._writable)

    def _gather(self) -> bytes | memoryview:
        first = self._waiting.popleft()
        if len(first) > WRITE_TURN:
            self._waiting.appendleft(memoryview(first)[WRITE_TURN:])
            return memoryview(first)[:WRITE_TURN]
        if not self._waiting:
            return first
        parts, size = [first], len(first)
        while self._waiting and size + len(self._waiting[0]) <= GATHER:
            parts.append(self._waiting.popleft())
            size += len(parts[-1])
        return b"".join(parts)

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
