"""A small keep-alive HTTP/1.1 client for measurements: as little of its own cost as asyncio allows."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from attrs import define, field


class Connection(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._waiting: asyncio.Future[tuple[int, bytes]] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head_end = self._buffer.find(b"\r\n\r\n")
        if head_end < 0:
            return
        head = bytes(self._buffer[:head_end]).lower()
        mark = head.find(b"content-length:")
        length = int(head[mark + 15 :].split(b"\r\n", 1)[0]) if mark >= 0 else 0
        if len(self._buffer) < head_end + 4 + length:
            return
        body = bytes(self._buffer[head_end + 4 : head_end + 4 + length])
        del self._buffer[: head_end + 4 + length]
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result((int(head[9:12]), body))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(exc or ConnectionError("the server closed the connection"))

    async def post(self, request: bytes) -> tuple[int, bytes]:
        """Send a whole request; status and body of the answer."""
        assert self.transport is not None
        self._waiting = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return await self._waiting


def request(path: str, body: bytes, headers: str = "") -> bytes:
    """A POST with a JSON body."""
    head = f"POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n{headers}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


@define
class Sample:
    """What was measured: seconds of each call, and of all together; `begun` by the monotonic clock."""

    times: list[float] = field(factory=list)
    begun: list[float] = field(factory=list)
    elapsed: float = 0.0
    failures: list[str] = field(factory=list)

    def percentile(self, share: float) -> float:
        """Milliseconds below which `share` of the calls stayed."""
        ordered = sorted(self.times)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000 if ordered else float("nan")

    @property
    def rate(self) -> float:
        """Calls per second."""
        return len(self.times) / self.elapsed if self.elapsed else 0.0


async def connect(address: str) -> Connection:
    """`unix:/path` or `host:port`."""
    loop = asyncio.get_running_loop()
    if address.startswith("unix:"):
        return (await loop.create_unix_connection(Connection, address[5:]))[1]
    host, _, port = address.rpartition(":")
    return (await loop.create_connection(Connection, host, int(port)))[1]


async def measure(
    address: str, payload: bytes, calls: int, in_flight: int, good: Callable[[int, bytes], bool]
) -> Sample:
    """`calls` requests over `in_flight` connections."""
    sample = Sample()
    left = iter(range(calls))

    async def worker(connection: Connection) -> None:
        for _ in left:
            begun = time.perf_counter()
            status, body = await connection.post(payload)
            sample.times.append(time.perf_counter() - begun)
            sample.begun.append(begun)
            if not good(status, body):
                sample.failures.append(f"{status} {body[:200]!r}")

    connections = [await connect(address) for _ in range(in_flight)]
    begun = time.perf_counter()
    try:
        await asyncio.gather(*(worker(connection) for connection in connections))
    finally:
        sample.elapsed = time.perf_counter() - begun
        for connection in connections:
            if connection.transport is not None:
                connection.transport.close()
    return sample
