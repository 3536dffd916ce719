"""HTTP first over a broker in memory: sender and reader in one process, a real HTTP server for each topic."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable
from typing import Any

from attrs import define, field

from owactors.actor.httpserver import HttpServer, listening_socket
from owactors.connector.http.provider import HttpFirstMessaging
from owactors.connector.http.settings import HttpTimes
from owactors.connector.memory.provider import MemoryMessaging
from owactors.connector.port import ConnectorError
from owactors.connector.topics import TopicConfig
from owactors.core.requestseal import RequestSeal
from owactors.rest.invokeroute import Exchange, InvokeRoute, Refused

SEAL = RequestSeal(b"k" * 32)
#: patient: no send falls back because a machine is busy
PATIENT = HttpTimes(connect=30, accept=60, patience=60, connections=32)


@define(eq=False)
class OpenDoor:
    """Puts everything before the reader, and has nothing to acknowledge."""

    messaging: HttpFirstMessaging
    topic: str

    def take(self, payload: bytes, *, each: bool) -> Exchange:
        exchange = Exchange("", each)
        try:
            exchange.position = self.messaging.take(self.topic, payload)
        except ConnectorError as problem:
            raise Refused(413, str(problem)) from problem
        exchange.end()
        return exchange

    def left(self, exchange: Exchange) -> None:
        pass

    def received(self, activation_ids: Iterable[str]) -> None:
        raise AssertionError("nothing was acknowledged")


@define(eq=False)
class Served:
    """An ASGI application on a port of its own, in the running loop."""

    app: Any
    tls: ssl.SSLContext | None = None
    server: HttpServer = field(init=False)
    _task: asyncio.Task[None] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.server = HttpServer(self.app, listening_socket("127.0.0.1", 0), self.tls)
        self._task = asyncio.get_running_loop().create_task(self.server.serve())

    @property
    def port(self) -> int:
        return self.server.port

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


class HttpWorld(HttpFirstMessaging):
    """What is ensured can be reached over HTTP from then on."""

    def __init__(self) -> None:
        super().__init__(MemoryMessaging(), SEAL, times=PATIENT, forgets=False)
        self.servers: list[Served] = []

    async def ensure_topic(self, topic: str, config: TopicConfig) -> None:
        await super().ensure_topic(topic, config)
        self.expect(topic)
        app = InvokeRoute(OpenDoor(self, topic), SEAL, 8 * 1024 * 1024)
        self.servers.append(Served(_plain(app)))
        self.learn(topic, "127.0.0.1", self.servers[-1].port)

    async def close(self) -> None:
        await super().close()
        for server in self.servers:
            await server.close()


def _plain(app: InvokeRoute) -> Any:
    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        await app(scope, receive, send)

    return asgi
