"""One kept-alive connection to an invoker: the status comes early, the lines of the body come late."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

import httptools
from attrs import field, frozen


@frozen
class Head:
    """Status and headers (small letters) of an answer."""

    status: int
    headers: dict[str, str] = field(repr=False)


class Broken(Exception):
    """The connection ended before the status came."""


@frozen(eq=False)
class Exchange:
    """What is done with an answer: `line` for each whole line of its body, `end` once, True if it came whole."""

    head: asyncio.Future[Head]
    line: Callable[[bytes], None]
    end: Callable[[bool], None]


class Connection(asyncio.Protocol):
    """One exchange at a time; `usable` says whether another one may begin."""

    def __init__(self) -> None:
        self.usable = False
        self.idle_since = 0.0
        self._transport: asyncio.Transport | None = None
        self._exchange: Exchange | None = None
        self._parser: Any = None
        self._headers: dict[str, str] = {}
        self._rest = b""

    @property
    def alive(self) -> bool:
        """Usable, and the other side has not closed it."""
        return self.usable and self._transport is not None and not self._transport.is_closing()

    def begin(self, request: bytes, exchange: Exchange) -> None:
        """Sends a whole request. The exchange hears of its answer from now on. Broken: it was closed before."""
        transport = self._transport
        if transport is None:
            raise Broken("the connection was closed before the request was sent")
        self.usable = False
        self._exchange, self._headers, self._rest = exchange, {}, b""
        self._parser = httptools.HttpResponseParser(self)
        transport.write(request)

    def abort(self) -> None:
        """Closes at once; an exchange under way ends."""
        self.usable = False
        if self._transport is not None:
            self._transport.abort()
        self._ended(whole=False)

    # -- asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ready for the first exchange."""
        self._transport = cast(asyncio.Transport, transport)
        self.usable = True

    def data_received(self, data: bytes) -> None:
        """What comes unasked ends the connection."""
        if self._exchange is None:
            self.abort()
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """An exchange under way is broken."""
        self.usable = False
        self._transport = None
        self._ended(whole=False)

    # -- the parser

    def on_header(self, name: bytes, value: bytes) -> None:
        """Kept until all are there."""
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """The status is known."""
        if self._exchange is not None and not self._exchange.head.done():
            self._exchange.head.set_result(Head(self._parser.get_status_code(), self._headers))

    def on_body(self, chunk: bytes) -> None:
        """Whole lines are handed on."""
        if self._exchange is None:
            return
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            self._exchange.line(line)

    def on_message_complete(self) -> None:
        """The connection is free again, if the server keeps it."""
        self.usable = self._transport is not None and self._parser.should_keep_alive()
        self.idle_since = asyncio.get_running_loop().time()
        self._ended(whole=True)

    def _ended(self, *, whole: bool) -> None:
        exchange, self._exchange = self._exchange, None
        if exchange is None:
            return
        if not exchange.head.done():
            exchange.head.set_exception(Broken("the connection was closed before the status came"))
            exchange.head.exception()  # seen, also when nobody waits any more
        exchange.end(whole)
