"""A small HTTP server that answers as it is told and keeps what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from attrs import define, field, frozen


@frozen
class Asked:
    """One request."""

    method: str
    path: str
    query: dict[str, str]
    authorization: str
    body: Any


Reply = tuple[int, Any]


@define
class FakeNode:
    """Answers by (method, path below /api/v1); a list is used up, its last reply repeats."""

    address: str = ""
    replies: dict[tuple[str, str], list[Reply] | Callable[[Asked], Reply]] = field(factory=dict)
    asked: list[Asked] = field(factory=list)

    def answers(self, method: str, path: str, *replies: Reply) -> None:
        """What to answer to this request."""
        self.replies[method, f"/api/v1/{path}"] = list(replies)

    def reply(self, asked: Asked) -> Reply:
        """The answer to a request."""
        self.asked.append(asked)
        told = self.replies.get((asked.method, asked.path))
        if told is None:
            return 404, {"error": "The requested resource does not exist.", "code": "tid1"}
        if callable(told):
            return told(asked)
        return told.pop(0) if len(told) > 1 else told[0]


@contextmanager
def fake_node(port: int = 0) -> Iterator[FakeNode]:
    """A node on a port of the loopback, 0 for a free one."""
    node = FakeNode()

    class Handler(BaseHTTPRequestHandler):
        def do(self) -> None:
            parts = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            authorization = self.headers.get("Authorization", "")
            asked = Asked(self.command, parts.path, dict(parse_qsl(parts.query)), authorization, body)
            status, value = node.reply(asked)
            content = value.encode() if isinstance(value, str) else b"" if value is None else json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_DELETE = do

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    node.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield node
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def record(**changes: Any) -> dict[str, Any]:
    """An activation record as the API shows it."""
    return {
        "activationId": "a" * 32,
        "name": "greet",
        "namespace": "guest",
        "start": 1_700_000_000_000,
        "end": 1_700_000_000_032,
        "duration": 32,
        "response": {"status": "success", "success": True, "result": {"greeting": "Hello Ada"}},
        "logs": ["2026-07-29T08:00:00.371204518Z stdout: greeting Ada"],
        "annotations": [{"key": "waitTime", "value": 3}, {"key": "initTime", "value": 20}],
        **changes,
    }
