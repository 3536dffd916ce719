"""The HTTP client towards one action container: POST of JSON over a unix socket or TCP, connections kept
alive.

Rules (OpenWhisk, ApacheBlockingContainerClient.scala; what we do differently is in docs/containers.md):
a request is sent again only if not one byte of it left, that is if no connection could be made; a kept
connection which the container has closed meanwhile is noticed before it is used; a body longer than the limit
is read to its end but only its first part is kept.
"""

from __future__ import annotations

import asyncio
import time

from attrs import define, field, frozen

from owactors.container.http_connection import Connection
from owactors.core.reply import ConnectionFailed, ContainerReply, Outcome, RunTimeout

KEY_HEADER = "X-Owactors-Key"
"""Where several containers share a network each has a key of its own, and our proxies obey nobody without it."""
CONNECT_TIMEOUT = 0.25
LOCAL_TIMEOUT = 5.0
"""Seconds for a unix socket: who listens there is reached at once and who does not is refused at once, so what takes
longer is this process, which has too much to do.
"""
FIRST_PAUSE = 0.002
LONGEST_PAUSE = 0.01


@frozen
class UnixAddress:
    """A unix socket."""

    path: str

    def __str__(self) -> str:
        return f"unix:{self.path}"


@frozen
class TcpAddress:
    """A TCP socket."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


Address = UnixAddress | TcpAddress


@define
class ContainerClient:
    """Connections to one container. As many are open as requests were in flight at once."""

    address: Address
    key: str = ""
    _idle: list[Connection] = field(factory=list)
    _busy: set[Connection] = field(factory=set)
    _retired: bool = False

    async def post(
        self, path: str, body: bytes, timeout: float, *, limit: int, truncation: int, retry: bool = False
    ) -> Outcome:
        """Send `body` (JSON) and give what came back within `timeout` seconds.

        `retry`: keep trying to connect until the timeout, for a container that is still starting.
        """
        deadline = time.monotonic() + timeout
        connection = self._take_idle()
        if connection is None:
            made = await self._connect(deadline, retry)
            if not isinstance(made, Connection):
                return RunTimeout(timeout) if retry else made
            connection = made
        self._busy.add(connection)
        try:
            outcome = await connection.exchange(_head(path, len(body), self.key), body, deadline, limit, truncation)
        finally:
            self._busy.discard(connection)
            self._put_back(connection)
        return RunTimeout(timeout) if outcome is None else outcome

    async def ping(self, timeout: float = CONNECT_TIMEOUT) -> bool:
        """True if a connection can be made; it is closed again."""
        made = await self._connect_once(timeout)
        if isinstance(made, Connection):
            made.close()
            return True
        return False

    def retire(self) -> None:
        """The container is gone and its address may soon be another's: no connection is made any more."""
        self._retired = True
        self.close()

    def close(self) -> None:
        """Close every connection; requests in flight end as NoResponseReceived."""
        for connection in [*self._idle, *self._busy]:
            connection.close()
        self._idle.clear()

    def _take_idle(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.usable and not connection.readable():
                return connection
            connection.close()
        return None

    def _put_back(self, connection: Connection) -> None:
        if connection.usable:
            self._idle.append(connection)
        else:
            connection.close()

    async def _connect(self, deadline: float, retry: bool) -> Connection | ConnectionFailed:
        pause = FIRST_PAUSE
        patience = LOCAL_TIMEOUT if isinstance(self.address, UnixAddress) else CONNECT_TIMEOUT
        while True:
            remaining = deadline - time.monotonic()
            made = await self._connect_once(max(0.001, min(patience, remaining)))
            remaining = deadline - time.monotonic()
            if isinstance(made, Connection) or not retry or remaining <= 0:
                return made
            await asyncio.sleep(min(pause, remaining))
            pause = min(LONGEST_PAUSE, pause * 1.5)

    async def _connect_once(self, timeout: float) -> Connection | ConnectionFailed:
        loop = asyncio.get_running_loop()
        address = self.address
        if self._retired:
            return ConnectionFailed(f"the container at {address} is gone")
        try:
            async with asyncio.timeout(timeout):
                if isinstance(address, UnixAddress):
                    _, connection = await loop.create_unix_connection(Connection, address.path)
                else:
                    _, connection = await loop.create_connection(Connection, address.host, address.port)
        except TimeoutError:
            return ConnectionFailed(f"no connection to {address} within {timeout:.3f} s")
        except OSError as error:
            return ConnectionFailed(f"no connection to {address}: {error.strerror or error}")
        return connection


def reply_ok(outcome: Outcome) -> bool:
    """True for a complete answer with status 200."""
    return isinstance(outcome, ContainerReply) and outcome.status == 200 and not outcome.truncated


def _head(path: str, length: int, key: str) -> bytes:
    own = f"{KEY_HEADER}: {key}\r\n" if key else ""
    return (
        f"POST {path} HTTP/1.1\r\nHost: action\r\nContent-Type: application/json\r\n"
        f"Accept: application/json\r\n{own}Content-Length: {length}\r\n\r\n"
    ).encode()
