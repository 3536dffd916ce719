"""The HTTP API as an ASGI application: reads requests, sends answers, turns refusals into error bodies.

Everything here is on the path of every call, so it is plain ASGI without a framework's request and response
objects. (OpenWhisk, BasicHttpService.scala, Controller.scala.)
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from owactors.core.controller import messages
from owactors.core.controller.rejection import Rejection
from owactors.entity.transaction import SYSTEM_PREFIX, TransactionId
from owactors.message.store import StoreUnavailable
from owactors.rest import administration, api, server
from owactors.rest.administration import Administered, Administration
from owactors.rest.answer import JSON_TYPE, Answer, error_body, json_answer, refusal, text_answer
from owactors.rest.api import Api
from owactors.rest.gateway import Gateway, is_gateway_path
from owactors.rest.ports import Services
from owactors.rest.request import Request
from owactors.rest.server import Server
from owactors.rest.telling import Streamed, Telling

logger = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_API = "/api/v1"
_ACCEPTS_JSON = frozenset({"*/*", "application/*", "application/json"})


class _Disconnected(Exception):
    """The client went away before its request was complete."""


class Application:
    """The API over `services`; `api` gives access to its parts, to add web actions, sequences, compositions."""

    def __init__(
        self, services: Services, administered: Administered | None = None, telling: Telling | None = None
    ) -> None:
        self.services = services
        self.api = Api(services, telling)
        self.server = Server(services)
        self.administration = (
            None if administered is None else Administration(services, administered, self.api.authentication)
        )
        self.gateway = Gateway(self.api.apis, self._web)
        self._id_header = services.settings.transaction_header.lower().encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "lifespan":
            await _lifespan(receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = self.services.monotonic()
        headers = dict(scope["headers"])
        transid = self._transaction(headers)
        method: str = scope["method"]
        raw_path = scope.get("raw_path") or scope["path"].encode()
        try:
            body = await self._body(receive)
        except _Disconnected:
            return
        except Rejection as refused:
            answer = refusal(refused, transid.id)
        else:
            path = raw_path.decode("latin-1")
            request = Request(method, path, scope["query_string"], headers, body, transid)
            try:
                answer = await self.answer(request)
            except asyncio.CancelledError:  # the server stops, and the time for what was under way is over
                answer = refusal(Rejection(503, messages.STOPPING), transid.id)
        if isinstance(answer, Streamed):
            await _stream(receive, send, answer, self._headers(answer, transid.id))
        else:
            await self._send(send, answer, transid.id, method == "HEAD")
        if self.services.answered is not None:
            spent = (self.services.monotonic() - started) * 1000
            self.services.answered(method, scope["path"], answer.status, spent, transid.id)

    def _transaction(self, headers: dict[bytes, bytes]) -> TransactionId:
        now = self.services.now()
        extra = headers.get(b"x-ow-extra-logging", b"").lower() == b"on"
        given = headers.get(self._id_header)
        if given and not given.startswith(SYSTEM_PREFIX.encode()):
            return TransactionId(given.decode("latin-1"), now, extra)
        return TransactionId.fresh(now, extra)

    async def _body(self, receive: Receive) -> bytes:
        event = await receive()
        if event["type"] == "http.request" and not event.get("more_body"):
            return bytes(event.get("body", b""))
        most, size, chunks = self.services.settings.max_body, 0, []
        while True:
            if event["type"] != "http.request":
                raise _Disconnected
            chunks.append(event.get("body", b""))
            size += len(chunks[-1])
            if size > most:
                raise Rejection(413, f"Request larger than allowed: more than {most} bytes.")
            if not event.get("more_body"):
                return b"".join(chunks)
            event = await receive()

    async def answer(self, request: Request) -> Answer:
        """The answer to a request, whatever happens."""
        try:
            if len(request.path) + len(request.query_string) > self.services.settings.max_uri:
                most = self.services.settings.max_uri
                return text_answer(f"URI length exceeds the configured limit of {most} characters", 414)
            path = request.path
            if path.startswith(_API) and path[len(_API) : len(_API) + 1] in ("", "/"):
                answer = await self.api.answer(request, request.segments[2:])
            elif self.administration is not None and path.startswith(administration.PREFIX):
                answer = await self.administration.answer(request)
            elif is_gateway_path(path):
                answer = await self.gateway.answer(request)
            else:
                answer = await self.server.answer(request)
            return _negotiated(request, answer)
        except Rejection as refused:
            below = request.path.startswith(_API)
            headers = (api if below else server).refusal_headers(refused)
            return refusal(refused, request.transid.id, headers)
        except StoreUnavailable as error:
            logger.warning("%s %s: %s", request.method, request.path, error)
            return refusal(Rejection(503, error.reason), request.transid.id)
        except Exception:
            logger.exception("%s %s failed [%s]", request.method, request.path, request.transid.id)
            return refusal(Rejection(500), request.transid.id)

    async def _web(self, request: Request) -> Answer:
        return await self.api.answer(request, request.segments[2:])

    async def _send(self, send: Send, answer: Answer, transaction: str, head: bool) -> None:
        headers = self._headers(answer, transaction)
        if answer.status != 204:
            headers.append((b"content-length", str(len(answer.body)).encode()))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if head else answer.body})

    def _headers(self, answer: Answer, transaction: str) -> list[tuple[bytes, bytes]]:
        headers = [*answer.headers, (self._id_header, transaction.encode("latin-1"))]
        if answer.content_type is not None:
            headers.append((b"content-type", answer.content_type))
        return headers


async def _stream(receive: Receive, send: Send, answer: Streamed, headers: list[tuple[bytes, bytes]]) -> None:
    """Sends the pieces as they come, until there are no more or the client has gone."""
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    sending = asyncio.ensure_future(_send_pieces(send, answer))
    leaving = asyncio.ensure_future(_left(receive))
    try:
        await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (sending, leaving):
            task.cancel()
        await asyncio.gather(sending, leaving, return_exceptions=True)


async def _send_pieces(send: Send, answer: Streamed) -> None:
    async with contextlib.aclosing(answer.chunks) as chunks:
        async for chunk in chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        event = await receive()
        await send({"type": event["type"] + ".complete"})
        if event["type"] == "lifespan.shutdown":
            return


def _negotiated(request: Request, answer: Answer) -> Answer:
    """406 for a JSON answer that the client says it does not take."""
    accept = request.headers.get(b"accept")
    if accept is None or accept == b"*/*" or answer.content_type != JSON_TYPE or answer.status >= 300:
        return answer
    if not request.path.startswith(_API + "/namespaces") or _accepts_json(accept.decode("latin-1")):
        return answer
    return json_answer(error_body(406, messages.NOT_ACCEPTABLE, request.transid.id), 406)


def _accepts_json(accept: str) -> bool:
    for wanted in accept.split(","):
        media, *parameters = (part.strip().lower() for part in wanted.split(";"))
        refused = any(parameter in ("q=0", "q=0.0") for parameter in parameters)
        if media in _ACCEPTS_JSON and not refused:
            return True
    return not accept.strip()
