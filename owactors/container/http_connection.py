"""One connection to an action container: a Protocol that does one exchange at a time."""

from __future__ import annotations

import asyncio
import contextlib
import select
import socket
import struct
import time
from typing import cast

import httptools

from owactors.core.reply import ConnectionFailed, ContainerReply, NoResponseReceived, Outcome


class Connection(asyncio.Protocol):
    """A kept-alive connection. `usable` says whether another exchange may be made on it."""

    def __init__(self) -> None:
        self.usable = False
        self._poll = select.poll()
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[Outcome] | None = None
        self._parser = httptools.HttpResponseParser(self)
        #: between a request and its answer
        self._expecting = False
        self._chunks: list[bytes] = []
        self._kept = 0
        self._length = 0
        self._limit = 0
        self._truncation = 0
        self._received = False
        self._headers_done = False
        self._announced = False

    async def exchange(self, head: bytes, body: bytes, deadline: float, limit: int, truncation: int) -> Outcome | None:
        """Send a request, return its outcome; None at the `deadline` (monotonic seconds), then unusable."""
        transport = self._transport
        if transport is None or transport.is_closing():
            self.usable = False
            return ConnectionFailed("the connection was closed before the request was sent")
        loop = asyncio.get_running_loop()
        self._begin(loop, limit, truncation)
        transport.write(head + body)
        timer = loop.call_later(max(0.0, deadline - time.monotonic()), self._expire)
        answer = cast("asyncio.Future[Outcome]", self._answer)
        try:
            return await answer
        except TimeoutError:
            return None
        except asyncio.CancelledError:
            self.usable = False
            raise
        finally:
            timer.cancel()
            self._answer = None

    def close(self) -> None:
        """Close at once; an exchange in flight ends as NoResponseReceived."""
        self.usable = False
        if self._transport is not None:
            if not self._transport.is_closing() and self.readable():
                self._reset_at_close()
            self._transport.abort()
        self._finish(NoResponseReceived("the connection was closed on our side"))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is ready for its first exchange."""
        self._transport = cast(asyncio.Transport, transport)
        sock = transport.get_extra_info("socket")
        self._poll.register(sock.fileno(), select.POLLIN)
        self.usable = True

    def readable(self) -> bool:
        """True if there is something to read on an idle connection: an end of file, as a rule."""
        return bool(self._poll.poll(0))

    def data_received(self, data: bytes) -> None:
        """Feed the parser; anything that comes unasked makes the connection unusable."""
        self._received = True
        if not self._expecting:
            self.usable = False
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self.usable = False
            self._finish(NoResponseReceived(f"the answer is not HTTP: {error}"))

    def eof_received(self) -> bool:
        """The container closed its side."""
        self.usable = False
        self._reset_at_close()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """An answer without length ends here; any other one is broken."""
        self.usable = False
        if self._expecting and self._answer is not None and not self._answer.done():
            self._at_end(exc)
        self._transport = None

    def on_message_begin(self) -> None:
        """More than one answer to a request: nothing more is believed on this connection (parser callback)."""
        if not self._expecting:
            self.usable = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Remember that a length was announced (parser callback)."""
        if name.lower() in (b"content-length", b"transfer-encoding"):
            self._announced = True

    def on_headers_complete(self) -> None:
        """Parser callback."""
        self._headers_done = True

    def on_body(self, chunk: bytes) -> None:
        """Keep what fits; count the rest (parser callback)."""
        self._length += len(chunk)
        room = max(self._limit, self._truncation) - self._kept
        if room > 0:
            self._chunks.append(chunk[:room])
            self._kept += min(room, len(chunk))

    def on_message_complete(self) -> None:
        """The whole answer is here (parser callback)."""
        parser = self._parser
        if not self._expecting or self._answer is None or parser.get_status_code() < 200:
            return
        self.usable = self.usable and parser.should_keep_alive()
        self._expecting = False
        self._finish(self._reply(parser.get_status_code()))

    def _reset_at_close(self) -> None:
        """Who closes first keeps the connection for a minute, in case something comes late. A container that has ended
        would keep its network for that, and go on answering for an address that the engine gives to the next one.
        """
        sock = self._transport.get_extra_info("socket") if self._transport is not None else None
        if sock is not None and sock.family in (socket.AF_INET, socket.AF_INET6):
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def _begin(self, loop: asyncio.AbstractEventLoop, limit: int, truncation: int) -> None:
        self._answer = loop.create_future()
        self._expecting = True
        self._chunks = []
        self._kept = self._length = 0
        self._limit, self._truncation = limit, truncation
        self._received = self._headers_done = self._announced = False

    def _reply(self, status: int) -> Outcome:
        body = b"".join(self._chunks)
        if status == 204:
            return NoResponseReceived("the answer has no content (204)")
        keep = self._truncation if self._length > self._limit else self._limit
        return ContainerReply(status, body[:keep], self._length, self._limit)

    def _at_end(self, exc: Exception | None) -> None:
        parser = self._parser
        if self._expecting and self._headers_done and not self._announced and exc is None:
            self._finish(self._reply(parser.get_status_code()))
        elif self._received:
            self._finish(NoResponseReceived("the connection was closed within the answer"))
        else:
            self._finish(NoResponseReceived(str(exc) if exc else "the connection was closed without an answer"))

    def _finish(self, outcome: Outcome) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(outcome)

    def _expire(self) -> None:
        self.usable = False
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(TimeoutError())
