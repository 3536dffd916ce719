"""One kept-alive connection to the server, one request at a time."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import httptools
from attrs import frozen

from owactors.store.document import decode


@frozen
class Answer:
    """What the server said. `repeated`: the request may have reached it before, without an answer."""

    status: int
    content_type: str
    body: bytes
    repeated: bool = False

    @property
    def json(self) -> Any:
        """The body as JSON; None if it is none."""
        try:
            return decode(self.body)
        except ValueError:
            return None

    @property
    def reason(self) -> str:
        """CouchDB's words for an error."""
        told = self.json
        if isinstance(told, dict):
            return f"{told.get('error')}: {told.get('reason')}"
        return self.body[:200].decode("utf-8", "replace")


class Broken(Exception):
    """No answer. `sent`: the server may have seen the request; `stale`: an idle connection turned out closed."""

    def __init__(self, why: str, *, sent: bool, stale: bool = False) -> None:
        super().__init__(why)
        self.why = why
        self.sent = sent
        self.stale = stale


class Connection(asyncio.Protocol):
    """`usable` says whether another request may be made on it."""

    def __init__(self) -> None:
        self.usable = False
        self._used = False
        self._transport: asyncio.Transport | None = None
        self._future: asyncio.Future[Answer] | None = None
        self._parser: Any = None
        self._chunks: list[bytes] = []
        self._type = ""
        self._begun = False

    async def request(self, data: bytes, timeout: float) -> Answer:
        """Sends a whole request; Broken if no whole answer comes within `timeout` seconds."""
        transport = self._transport
        if transport is None or transport.is_closing():
            self.usable = False  # connection_lost is still to come
            raise Broken("the connection was closed", sent=False, stale=self._used)
        self._parser = httptools.HttpResponseParser(self)
        self._chunks, self._type, self._begun = [], "", False
        self._future = asyncio.get_running_loop().create_future()
        transport.write(data)
        try:
            async with asyncio.timeout(timeout):
                return await self._future
        except TimeoutError:
            raise Broken(f"no answer within {timeout:g} s", sent=True) from None
        finally:
            self._end(transport)

    def _end(self, transport: asyncio.Transport) -> None:
        """A connection on which something is left over is not used again."""
        answered = self._future is not None and self._future.done() and not self._future.cancelled()
        if not answered or transport.get_write_buffer_size():
            self.usable = False
        self._future, self._parser, self._used = None, None, True
        if not self.usable:
            transport.abort()

    def abort(self) -> None:
        """Closes at once."""
        self.usable = False
        if self._transport is not None:
            self._transport.abort()

    # -- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        self._transport = cast(asyncio.Transport, transport)
        self.usable = True

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        if self._parser is None:
            self.abort()
            return
        self._begun = True
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self.usable = False
            self._fail(Broken(f"the answer is not HTTP: {error}", sent=True))

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self.usable, self._transport = False, None
        why = f"the connection broke: {exc}" if exc else "the server closed the connection"
        self._fail(Broken(why, sent=True, stale=self._used and not self._begun))

    def _fail(self, broken: Broken) -> None:
        if self._future is not None and not self._future.done():
            self._future.set_exception(broken)

    # -- the parser's callbacks

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keeps the content type."""
        if name.lower() == b"content-type":
            self._type = value.decode("latin-1")

    def on_body(self, chunk: bytes) -> None:
        """Keeps everything."""
        self._chunks.append(chunk)

    def on_message_complete(self) -> None:
        """The answer is whole. What came before the final one (100) is passed over."""
        parser, future = self._parser, self._future
        if parser is None or future is None or future.done() or parser.get_status_code() < 200:
            return
        self.usable = self.usable and parser.should_keep_alive()
        future.set_result(Answer(parser.get_status_code(), self._type, b"".join(self._chunks)))
