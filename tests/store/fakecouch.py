"""A server in the test's own loop that answers as a test tells it to, to see what the client makes of trouble."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from attrs import define, field, frozen

from owactors.store.couchdb.settings import CouchSettings


@frozen
class Asked:
    """One request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@frozen
class Reply:
    """What to answer. `raw` replaces everything."""

    status: int = 200
    value: Any = None
    raw: bytes | None = None
    close: bool = False

    def encoded(self) -> bytes:
        if self.raw is not None:
            return self.raw
        body = json.dumps(self.value).encode()
        head = f"HTTP/1.1 {self.status} X\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        return head.encode() + (b"Connection: close\r\n" if self.close else b"") + b"\r\n" + body


#: reads the request, closes without an answer; never answers
LOST, SILENT = Reply(raw=b""), Reply(raw=b"silent")

Handler = Callable[[Asked], Reply]


@define
class FakeCouch:
    """`asked` is what came, in order; `answer` may be changed while it runs."""

    answer: Handler
    asked: list[Asked] = field(factory=list)
    connections: int = 0
    port: int = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[CouchSettings]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield CouchSettings(f"http://127.0.0.1:{self.port}", prefix="t_", timeout=5.0)
        finally:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                asked = await self._read(reader)
                self.asked.append(asked)
                reply = self.answer(asked)
                if reply is SILENT:
                    await asyncio.Event().wait()
                writer.write(reply.encoded())
                await writer.drain()
                if reply is LOST or reply.close:
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> Asked:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        method, path, _ = head[0].split(" ")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        return Asked(method, path, headers, body)


def in_turn(*replies: Reply) -> Handler:
    """One after the other, the last one for ever."""
    left = list(replies)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]
