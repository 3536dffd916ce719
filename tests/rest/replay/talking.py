"""Sending requests: to an ASGI application in this process, or to a server by its address."""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from attrs import frozen


@frozen
class Reply:
    """An answer; header names are in lower case, in the order they came."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def headers_named(self, name: str) -> list[str]:
        """All values of a header."""
        return [value for header, value in self.headers if header == name.lower()]

    def header(self, name: str) -> str:
        """The first value of a header, "" without it."""
        return next(iter(self.headers_named(name)), "")

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@frozen
class Sent:
    """A request as it goes out; `body` None sends neither a body nor its length."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes | None


class Transport(Protocol):
    """Something that can be sent requests."""

    host: str

    async def send(self, request: Sent) -> Reply: ...


def authorization(how: str, key: str) -> str | None:
    """The header for `user`, `none`, `wrong-secret`, `unknown` or `raw:<header>`; `key` is the user's."""
    if how == "none":
        return None
    if how.startswith("raw:"):
        return how.removeprefix("raw:")
    uuid, _, secret = key.partition(":")
    if how == "wrong-secret":
        secret = "x" * 64
    if how == "unknown":
        uuid = "00000000-0000-4000-8000-000000000000"
    return "Basic " + base64.b64encode(f"{uuid}:{secret}".encode()).decode()


def request_of(step: dict[str, Any], key: str) -> Sent:
    """A recorded request, its variables filled in, as it goes out."""
    headers = {name: value for name, value in step.get("headers", {}).items() if value != ""}
    body = _body(step)
    if "json" in step and "Content-Type" not in step.get("headers", {}):
        headers["Content-Type"] = "application/json"
    if (credentials := authorization(step.get("auth", "user"), key)) is not None:
        headers["Authorization"] = credentials
    query = step.get("query")
    target = step["path"] if query is None else f"{step['path']}?{query}"
    if body is None and step["method"] in ("POST", "PUT", "PATCH"):
        body = b""
    return Sent(step["method"], target, headers, body)


def _body(step: dict[str, Any]) -> bytes | None:
    if "json" in step:
        return json.dumps(step["json"]).encode()
    if "text" in step:
        return str(step["text"]).encode()
    return base64.b64decode(step["base64"]) if "base64" in step else None


class InProcess:
    """Calls an ASGI application."""

    def __init__(self, application: Any, host: str = "127.0.0.1:3233") -> None:
        self.application = application
        self.host = host

    async def send(self, request: Sent) -> Reply:
        """One request."""
        path, _, query = request.target.partition("?")
        headers = [(b"host", self.host.encode())]
        if request.body is not None:
            headers.append((b"content-length", str(len(request.body)).encode()))
        headers += [(name.lower().encode(), value.encode()) for name, value in request.headers.items()]
        scope = {
            "type": "http",
            "method": request.method,
            "path": unquote(path),
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": headers,
        }
        events: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": request.body or b"", "more_body": False}

        async def send(event: Any) -> None:
            events.append(event)

        await self.application(scope, receive, send)
        body = b"".join(event.get("body", b"") for event in events[1:])
        names = tuple((name.decode().lower(), value.decode()) for name, value in events[0]["headers"])
        return Reply(events[0]["status"], names, body)


class OverHttp:
    """Asks a server, on a connection of its own for each request."""

    def __init__(self, url: str, timeout: float = 90) -> None:
        self._at = urlsplit(url)
        self._timeout = timeout
        self.host = self._at.netloc

    async def send(self, request: Sent) -> Reply:
        """One request."""
        return await asyncio.to_thread(self._ask, request)

    def _ask(self, request: Sent) -> Reply:
        connection = http.client.HTTPConnection(self._at.hostname or "", self._at.port, timeout=self._timeout)
        try:
            connection.putrequest(request.method, request.target, skip_accept_encoding=True)
            if request.body is not None:
                connection.putheader("Content-Length", str(len(request.body)))
            for name, value in request.headers.items():
                connection.putheader(name, value)
            try:
                connection.endheaders(request.body)
            except (BrokenPipeError, ConnectionResetError):
                pass  # refused before it was read whole; the answer may be there all the same
            answer = connection.getresponse()
            names = tuple((name.lower(), value) for name, value in answer.getheaders())
            return Reply(answer.status, names, answer.read())
        finally:
            connection.close()
