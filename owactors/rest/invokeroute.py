"""POST /invoke on an invoker: the status comes when it has the activation, the acknowledgements when there are some.

(DigitalOcean's functions-invoker, its HTTP path; there without a bound and open to everybody.)
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Iterable, MutableMapping
from typing import Protocol

import orjson
from attrs import define, field, frozen

from owactors.core.requestseal import RequestSeal
from owactors.message.invoke import ACTIVATION, LINES, POSITION, RECEIVED
from owactors.rest.invokerserver import Receive, Scope, Send

#: seconds in which a request must be here
PATIENCE = 10.0
_LENGTH = b"content-length"


class Refused(Exception):
    """The activation is not taken: a status, and why."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


@define(eq=False)
class Exchange:
    """One activation that was taken, from the side of its HTTP answer. `each`: every acknowledgement by itself."""

    activation_id: str
    each: bool
    position: int = 0
    _lines: deque[bytes] = field(factory=deque)
    _news: asyncio.Event = field(factory=asyncio.Event)
    _over: bool = False

    def put(self, line: bytes) -> None:
        """To be sent next."""
        self._lines.append(line)
        self._news.set()

    def end(self) -> None:
        """Nothing comes after what was put."""
        self._over = True
        self._news.set()

    async def next(self) -> tuple[bytes, bool]:
        """What was put meanwhile, and whether something may follow."""
        while not (self._lines or self._over):
            self._news.clear()
            await self._news.wait()
        body = b"".join(self._lines)
        self._lines.clear()
        return body, not self._over


class Door(Protocol):
    """What takes activations in."""

    @property
    def topic(self) -> str:
        """The topic for which requests are sealed."""

    def take(self, payload: bytes, *, each: bool) -> Exchange:
        """The message is this invoker's from now on. Refused."""

    def left(self, exchange: Exchange) -> None:
        """Whoever sent it is not there any more, or has everything."""

    def received(self, activation_ids: Iterable[str]) -> None:
        """All acknowledgements of these have come to whoever sent them."""


@frozen
class InvokeRoute:
    """The two routes; a request is at most `most` bytes long and carries the seal of the cluster's key."""

    door: Door
    seal: RequestSeal
    most: int

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request, to its end."""
        headers: MutableMapping[bytes, bytes] = dict(scope["headers"])
        try:
            body = await self._body(headers, receive)
            self._check(headers.get(b"authorization", b"").decode("latin-1"), body)
            if scope["path"] == RECEIVED:
                self.door.received(_ids(body))
                await _answer(send, 200, b"")
                return
            exchange = self.door.take(body, each=LINES.encode() in headers.get(b"accept", b""))
        except Refused as refused:
            await _answer(send, refused.status, refused.reason.encode())
            return
        await self._acknowledgements(exchange, receive, send)

    async def _acknowledgements(self, exchange: Exchange, receive: Receive, send: Send) -> None:
        form = LINES if exchange.each else "application/json"
        headers = [
            (b"content-type", form.encode()),
            (ACTIVATION.encode(), exchange.activation_id.encode()),
            (POSITION.encode(), str(exchange.position).encode()),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        watching = asyncio.get_running_loop().create_task(_gone(receive, exchange))
        try:
            more = True
            while more:
                body, more = await exchange.next()
                await send({"type": "http.response.body", "body": body, "more_body": more})
        finally:
            watching.cancel()
            self.door.left(exchange)

    def _check(self, seal: str, body: bytes) -> None:
        if not self.seal.holds(seal, self.door.topic, body, int(time.time() * 1000)):
            raise Refused(401, "the request needs the seal of this cluster's key, made for this invoker and just now")

    async def _body(self, headers: MutableMapping[bytes, bytes], receive: Receive) -> bytes:
        length = headers.get(_LENGTH, b"")
        if not length.isdigit():
            raise Refused(411, "the request needs a Content-Length")
        if int(length) > self.most:
            raise Refused(413, f"a request has at most {self.most} bytes")
        try:
            async with asyncio.timeout(PATIENCE):
                return await _read(receive)
        except TimeoutError:
            raise Refused(408, f"the request was not here within {PATIENCE:g} s") from None


async def _read(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refused(400, "the request was broken off")
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


async def _gone(receive: Receive, exchange: Exchange) -> None:
    """Ends an exchange whose other side is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
    exchange.end()


def _ids(body: bytes) -> list[str]:
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        value = None
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise Refused(400, "a JSON list of activation ids is expected")
    return value


async def _answer(send: Send, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"text/plain; charset=UTF-8"), (_LENGTH, str(len(body)).encode())]
    if status == 429:
        headers.append((b"retry-after", b"1"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
