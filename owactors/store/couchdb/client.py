"""Requests to the server: connections that are kept, repeats with pauses, and one sentence when it is away."""

from __future__ import annotations

import asyncio
import base64
import logging
import random
import ssl
import time
from urllib.parse import quote, urlsplit

from attrs import define, evolve, field

from owactors.message.store import StoreUnavailable
from owactors.store.couchdb.exchange import Answer, Broken, Connection
from owactors.store.couchdb.settings import CouchSettings

log = logging.getLogger(__name__)

_CONNECTIONS = 16
_CONNECT_SECONDS = 5.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 0.5
#: bytes per second that a slow line is allowed
_SLOWEST = 1 << 20


def segment(text: str) -> str:
    """One part of a path; never a `+`, which servers read differently. UnicodeEncodeError: no valid Unicode."""
    return quote(text, safe="")


@define(eq=False)
class CouchClient:
    """Used from one loop at a time; on another loop it begins with new connections."""

    settings: CouchSettings
    #: why the last request failed; None: it did not
    trouble: str | None = None
    _idle: list[Connection] = field(factory=list, init=False)
    _loop: asyncio.AbstractEventLoop | None = field(default=None, init=False)
    _gate: asyncio.Semaphore = field(init=False)
    #: holds the password
    _head: bytes = field(init=False, repr=False)
    _tls: ssl.SSLContext | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self._gate = asyncio.Semaphore(_CONNECTIONS)
        parts = urlsplit(self.settings.url)
        lines = f"Host: {parts.netloc}\r\nAccept: application/json\r\nAccept-Encoding: identity\r\n"
        if self.settings.username:
            pair = f"{self.settings.username}:{self.settings.password}".encode()
            lines += f"Authorization: Basic {base64.b64encode(pair).decode()}\r\n"
        self._head = lines.encode()
        if parts.scheme == "https":
            self._tls = ssl.create_default_context()

    async def request(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        content_type: str = "application/json",
        timeout: float | None = None,
    ) -> Answer:
        """The server's answer, refusals (4xx) included. Each request must be one that can be sent twice.

        StoreUnavailable: the server is away, broken, or refuses name and password.
        """
        data = self._encode(method, path, body, content_type)
        patience = (timeout or self.settings.timeout) + len(data) / _SLOWEST
        self._adopt()
        async with self._gate:
            answer = await self._until_answered(data, patience)
        if answer.status in (401, 403):
            raise self._failed(self._forbidden(answer))
        self._succeeded()
        return answer

    def _encode(self, method: str, path: str, body: bytes, content_type: str) -> bytes:
        base = urlsplit(self.settings.url).path
        head = f"{method} {base}{path} HTTP/1.1\r\n".encode() + self._head
        if body or method in ("PUT", "POST"):
            head += f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n".encode()
        return head + b"\r\n" + body

    def _adopt(self) -> None:
        """Connections belong to the loop they were made on."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._loop, self._idle, self._gate = loop, [], asyncio.Semaphore(_CONNECTIONS)

    async def _until_answered(self, data: bytes, timeout: float) -> Answer:
        """Sends, and sends again, until an answer comes or patience ends."""
        give_up = time.monotonic() + (self.settings.patience if self.trouble is None else 0)
        pause, repeated = _FIRST_PAUSE, False
        while True:
            try:
                answer = await self._once(data, timeout)
                if answer.status < 500 and answer.status != 429:
                    return evolve(answer, repeated=repeated)
                repeated, why, stale = True, f"answers {answer.status} ({answer.reason})", False
            except Broken as broken:
                repeated, why, stale = repeated or broken.sent, f"does not answer: {broken.why}", broken.stale
            if stale:
                continue
            if time.monotonic() + pause > give_up:
                raise self._failed(f"CouchDB at {self.settings.url} {why}")
            await asyncio.sleep(pause * random.uniform(0.5, 1))
            pause = min(_LONGEST_PAUSE, 2 * pause)

    async def _once(self, data: bytes, timeout: float) -> Answer:
        connection = self._kept() or await self._connect()
        try:
            return await connection.request(data, timeout)
        finally:
            if connection.usable:
                self._idle.append(connection)

    def _kept(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.usable:
                return connection
        return None

    async def _connect(self) -> Connection:
        parts = urlsplit(self.settings.url)
        port = parts.port or (443 if self._tls else 80)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                _, connection = await loop.create_connection(Connection, parts.hostname or "", port, ssl=self._tls)
        except TimeoutError:
            raise Broken(f"no connection within {_CONNECT_SECONDS:g} s", sent=False) from None
        except OSError as error:
            raise Broken(error.strerror or str(error), sent=False) from error
        return connection

    def _forbidden(self, answer: Answer) -> str:
        who = f"user {self.settings.username}" if self.settings.username else "a user without name"
        return (
            f"CouchDB at {self.settings.url} refuses {who} ({answer.reason}): "
            "see couchdb.username and couchdb.password, and the members of its databases"
        )

    def _failed(self, why: str) -> StoreUnavailable:
        if self.trouble is None:
            log.error("%s", why)
        self.trouble = why
        return StoreUnavailable(why)

    def _succeeded(self) -> None:
        if self.trouble is not None:
            log.warning("CouchDB at %s answers again", self.settings.url)
            self.trouble = None

    def close(self) -> None:
        """Drops the connections."""
        if self._loop is not None and not self._loop.is_closed():
            for connection in self._idle:
                connection.abort()
        self._idle = []
