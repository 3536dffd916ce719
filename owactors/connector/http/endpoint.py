"""The HTTP server of one invoker, as a controller sees it."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable

import orjson
from attrs import define, field, frozen

from owactors.connector.http.connection import Broken, Connection, Exchange, Head
from owactors.connector.http.settings import HttpTimes
from owactors.core.requestseal import RequestSeal
from owactors.message.invoke import ACTIVATION, INVOKE, LINES, POSITION, RECEIVED


@frozen
class Taken:
    """The invoker has it, at this position of what came to it over HTTP; -1: it had it already."""

    position: int


@frozen
class NotTaken:
    """It has it not; `why` is full, refused or unreachable, `detail` what happened."""

    why: str
    detail: str = ""


@frozen
class Unsure:
    """It may have it."""

    why: str


Outcome = Taken | NotTaken | Unsure


@define(eq=False)
class Answered:
    """How far an answer has come; what is no status 200 has no acknowledgements."""

    head: asyncio.Future[Head]
    answer: Callable[[bytes], bool]
    whole: bool = False
    kept: int = 0
    lost: bool = False

    def line(self, line: bytes) -> None:
        """One acknowledgement came."""
        if self._status != 200:
            return
        if self.answer(line):
            self.kept += 1
        else:
            self.lost = True

    def too_late(self) -> None:
        """The status did not come in time."""
        if not self.head.done():
            self.head.set_exception(TimeoutError())

    @property
    def confirmed(self) -> str:
        """The id of the activation whose acknowledgements all came and were kept; else ""."""
        if self._status != 200 or not self.whole or not self.kept or self.lost:
            return ""
        return self.head.result().headers.get(ACTIVATION, "")

    @property
    def _status(self) -> int:
        head = self.head
        known = head.done() and not head.cancelled() and head.exception() is None
        return head.result().status if known else 0


@define(eq=False)
class Endpoint:
    """Connections to the invoker that reads `topic`.

    `answer` is called with each acknowledgement that comes; False: it could not be kept, and must come otherwise.
    """

    host: str
    port: int
    topic: str
    seal: RequestSeal
    answer: Callable[[bytes], bool]
    times: HttpTimes = HttpTimes()
    tls: ssl.SSLContext | None = None
    rests_until: float = 0.0
    #: why it rests, or did so last
    trouble: str = ""
    _idle: list[Connection] = field(factory=list)
    _busy: set[Connection] = field(factory=set)
    _opening: int = 0
    _freed: asyncio.Event = field(factory=asyncio.Event)
    _received: list[str] = field(factory=list)
    _confirming: asyncio.Task[None] | None = None

    @property
    def busy(self) -> bool:
        """An answer is still to come."""
        return bool(self._busy)

    @property
    def ready(self) -> bool:
        """Not resting after a failure."""
        return time.monotonic() >= self.rests_until

    async def invoke(self, payload: bytes) -> Outcome:
        """Hands over an activation message; returns as soon as the invoker has said something."""
        connection = await self._connection()
        if isinstance(connection, NotTaken):
            return connection
        try:
            head = await self._exchange(connection, self._request(INVOKE, payload), self._answered)
        except (Broken, TimeoutError) as problem:
            why = str(problem) or f"no status within {self.times.accept:g} s"
            self._rest(self.times.rest, why)
            self._drop_idle()
            return Unsure(why)
        return self._judged(head)

    def close(self) -> None:
        """Ends every exchange; whoever answers them has another way."""
        if self._confirming is not None:
            self._confirming.cancel()
        for connection in list(self._busy):
            connection.abort()
        self._drop_idle()

    def _drop_idle(self) -> None:
        """Whether the other side is still there shows when a new connection is opened, before anything is sent."""
        for connection in self._idle:
            connection.abort()
        self._idle.clear()

    def _judged(self, head: Head) -> Outcome:
        match head.status:
            case 200:
                return Taken(int(head.headers.get(POSITION, "-1")))
            case 409:
                return Taken(-1)
            case 429 | 503:
                return NotTaken("full", f"status {head.status}")
            case 401 | 403 | 404:
                self._rest(self.times.long_rest, f"status {head.status}")
        refused = 400 <= head.status < 500
        return NotTaken("refused", f"status {head.status}") if refused else Unsure(f"status {head.status}")

    def _rest(self, seconds: float, trouble: str) -> None:
        self.rests_until, self.trouble = time.monotonic() + seconds, trouble

    # -- one exchange

    def _request(self, path: str, body: bytes) -> bytes:
        seal = self.seal.made(self.topic, body, int(time.time() * 1000))
        return (
            f"POST {path} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\nContent-Type: application/json\r\n"
            f"Accept: {LINES}\r\nAuthorization: {seal}\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode() + body

    async def _exchange(self, connection: Connection, request: bytes, ended: Callable[[Answered], None]) -> Head:
        """The status. Broken, TimeoutError; then the connection is gone."""
        loop = asyncio.get_running_loop()
        answered = Answered(loop.create_future(), self.answer)

        def end(whole: bool) -> None:
            self._free(connection)
            answered.whole = whole
            ended(answered)

        timer = loop.call_later(self.times.accept, answered.too_late)
        try:
            connection.begin(request, Exchange(answered.head, answered.line, end))
            return await answered.head
        except (Broken, TimeoutError, asyncio.CancelledError):
            connection.abort()
            self._busy.discard(connection)
            raise
        finally:
            timer.cancel()

    def _answered(self, answered: Answered) -> None:
        """All acknowledgements came: the invoker need not send them by the topic."""
        activation_id = answered.confirmed
        if activation_id:
            self._received.append(activation_id)
            if self._confirming is None or self._confirming.done():
                self._confirming = asyncio.get_running_loop().create_task(self._confirm())

    async def _confirm(self) -> None:
        while self._received:
            await asyncio.sleep(self.times.confirm)
            received, self._received = self._received, []
            connection = await self._connection()
            if isinstance(connection, NotTaken):
                return
            try:
                await self._exchange(connection, self._request(RECEIVED, orjson.dumps(received)), lambda *_: None)
            except (Broken, TimeoutError):
                return

    # -- connections

    async def _connection(self) -> Connection | NotTaken:
        """One that nobody uses."""
        found = self._take_idle()
        if found is None and len(self._busy) + self._opening >= self.times.connections:
            found = await self._patiently()
            if found is None:
                return NotTaken("full", f"all {self.times.connections} connections are in use")
        connection = found or await self._open()
        if isinstance(connection, Connection):
            self._busy.add(connection)
        return connection

    def _take_idle(self) -> Connection | None:
        oldest = asyncio.get_running_loop().time() - self.times.idle
        while self._idle:
            connection = self._idle.pop()
            if connection.alive and connection.idle_since > oldest:
                return connection
            connection.abort()
        return None

    async def _patiently(self) -> Connection | None:
        try:
            async with asyncio.timeout(self.times.patience):
                while True:
                    self._freed.clear()
                    await self._freed.wait()
                    found = self._take_idle()
                    if found is not None:
                        return found
        except TimeoutError:
            return None

    async def _open(self) -> Connection | NotTaken:
        self._opening += 1
        try:
            async with asyncio.timeout(self.times.connect if self.tls is None else self.times.connect_tls):
                loop = asyncio.get_running_loop()
                _, connection = await loop.create_connection(Connection, self.host, self.port, ssl=self.tls)
                return connection
        except (OSError, TimeoutError) as problem:
            self._rest(self.times.rest, f"no connection: {str(problem) or 'no answer'}")
            return NotTaken("unreachable", self.trouble)
        finally:
            self._opening -= 1

    def _free(self, connection: Connection) -> None:
        self._busy.discard(connection)
        if connection.usable:
            self._idle.append(connection)
        self._freed.set()
