"""The HTTP server of an invoker: is it there, how is it, does it take work. (OpenWhisk, DefaultInvokerServer.scala.)"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Protocol

import orjson
from attrs import frozen

from owactors.message.invoke import INVOKE, RECEIVED

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

_TEXT = b"text/plain; charset=UTF-8"
_JSON = b"application/json"


class InvokerControl(Protocol):
    """What the server needs of the invoker."""

    def enable(self) -> str:
        """Take work; what came of it, as a sentence."""

    def disable(self) -> str:
        """Say that no work is wanted; what came of it, as a sentence."""

    def is_enabled(self) -> bool:
        """Whether work is taken."""

    def metrics(self) -> bytes | None:
        """Prometheus text, None where metrics are off."""


@frozen
class _Answer:
    status: int
    body: bytes = b""
    content_type: bytes = _TEXT
    headers: tuple[tuple[bytes, bytes], ...] = ()


_NOT_FOUND = _Answer(404, b"The requested resource could not be found.")
_UNAUTHORIZED = _Answer(
    401,
    b"The resource requires authentication, which was not supplied with the request",
    headers=((b"www-authenticate", b'Basic realm="secure realm"'),),
)


class InvokerServer:
    """An ASGI application. Ping and metrics are open, the rest needs the credentials.

    `invoke` answers where activations come in, if they may come over HTTP.
    """

    def __init__(
        self, control: InvokerControl, username: str, password: str, invoke: Application | None = None
    ) -> None:
        self._control, self._invoke = control, invoke
        self._credentials = f"{username}:{password}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        if self._invoke is not None and scope["method"] == "POST" and scope["path"] in (INVOKE, RECEIVED):
            await self._invoke(scope, receive, send)
            return
        answer = self.answer(scope["method"], scope["path"], dict(scope["headers"]))
        headers = [
            *answer.headers,
            (b"content-type", answer.content_type),
            (b"content-length", str(len(answer.body)).encode()),
        ]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    def answer(self, method: str, path: str, headers: MutableMapping[bytes, bytes]) -> _Answer:
        """200 with a text, 401 without credentials, 404 for what there is not."""
        if (method, path) == ("GET", "/ping"):
            return _Answer(200, b"pong")
        if (method, path) == ("GET", "/metrics"):
            text = self._control.metrics()
            return _NOT_FOUND if text is None else _Answer(200, text, b"text/plain; version=0.0.4; charset=utf-8")
        if not self._may(headers.get(b"authorization", b"")):
            return _UNAUTHORIZED
        if (method, path) == ("POST", "/enable"):
            return _Answer(200, self._control.enable().encode())
        if (method, path) == ("POST", "/disable"):
            return _Answer(200, self._control.disable().encode())
        if (method, path) == ("GET", "/isEnabled"):
            return _Answer(200, orjson.dumps({"enabled": self._control.is_enabled()}), _JSON)
        return _NOT_FOUND

    def _may(self, header: bytes) -> bool:
        scheme, _, given = header.partition(b" ")
        if scheme.lower() != b"basic":
            return False
        try:
            return hmac.compare_digest(base64.b64decode(given, validate=True), self._credentials)
        except binascii.Error:
            return False
