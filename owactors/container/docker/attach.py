"""The output of a container, as a stream from the engine.

The engine keeps no log of its own (log driver `none`), so the stream is opened before the start and never
waits for anybody: what is read goes straight to the collector. A frame is 8 bytes (stream, 0, 0, 0, length)
and its payload.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import cast
from urllib.parse import urlsplit

from owactors.container.docker.errors import EngineError
from owactors.container.log_collector import STDERR, STDOUT

HEADER = 8
PODMANS_LAST = re.compile(rb"Error: \S+ unix\S* \S+/attach: .*connection reset by peer\n")
"""What Podman may add as the last of a container that was killed."""


class AttachProtocol(asyncio.Protocol):
    """Answers head first, then frames. `received(stream, data)` gets the payloads, `ended()` the end."""

    def __init__(self, request: bytes, received: Callable[[int, bytes], None], ended: Callable[[], None]) -> None:
        self._request = request
        self._received = received
        self._ended = ended
        self._data = bytearray()
        self._in_frames = False
        self._held = b""
        self.attached: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the stream."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Cut what came into head and frames."""
        self._data += data
        if not self._in_frames and not self._take_head():
            return
        self._take_frames()

    def connection_lost(self, exc: Exception | None) -> None:
        """The container ended, or the engine did."""
        if not self.attached.done():
            self.attached.set_exception(EngineError(0, "the engine closed the connection"))
        elif self._in_frames:
            self._in_frames = False
            self._ended()

    def close(self) -> None:
        """Stop reading without `ended`."""
        self._in_frames = False
        if self._transport is not None:
            self._transport.abort()

    def _take_head(self) -> bool:
        end = self._data.find(b"\r\n\r\n")
        if end < 0:
            return False
        status = int(self._data[:end].split(b" ", 2)[1])
        if status not in (101, 200):
            if not self.attached.done():
                self.attached.set_exception(EngineError(status, self._data[end + 4 :].decode(errors="replace")))
            return False
        del self._data[: end + 4]
        self._in_frames = True
        if not self.attached.done():
            self.attached.set_result(None)
        return True

    def _take_frames(self) -> None:
        data, at = self._data, 0
        while len(data) - at >= HEADER:
            length = int.from_bytes(data[at + 4 : at + HEADER], "big")
            if len(data) - at - HEADER < length:
                break
            stream = STDERR if data[at] == 2 else STDOUT
            self._pass_on(stream, bytes(data[at + HEADER : at + HEADER + length]))
            at += HEADER + length
        del data[:at]

    def _pass_on(self, stream: int, data: bytes) -> None:
        """But for what is Podman's own if nothing comes after it."""
        held, self._held = self._held, b""
        if held:
            self._received(STDERR, held)
        if stream == STDERR and PODMANS_LAST.fullmatch(data):
            self._held = data
        else:
            self._received(stream, data)


async def attach(
    host: str, id: str, received: Callable[[int, bytes], None], ended: Callable[[], None], timeout: float = 5.0
) -> AttachProtocol:
    """Open the stream of container `id` on the engine at `host`. Raises EngineError."""
    request = (
        f"POST /containers/{id}/attach?stream=1&stdout=1&stderr=1 HTTP/1.1\r\nHost: docker\r\n"
        "Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n"
    ).encode()
    loop = asyncio.get_running_loop()
    address = urlsplit(host)

    def make() -> AttachProtocol:
        return AttachProtocol(request, received, ended)

    try:
        async with asyncio.timeout(timeout):
            if address.scheme == "unix":
                _, protocol = await loop.create_unix_connection(make, address.path)
            else:
                _, protocol = await loop.create_connection(make, address.hostname or "127.0.0.1", address.port or 2375)
            try:
                await protocol.attached
            except BaseException:
                protocol.close()
                raise
    except (OSError, TimeoutError) as error:
        raise EngineError(0, f"no stream from the engine at {host}: {error}") from error
    return protocol
