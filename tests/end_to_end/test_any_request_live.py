"""Requests of any kind, byte by byte, to a real node with two tenants."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings

from tests.end_to_end.nodes import LiveNode
from tests.rest.anyrequest import SECRET, AnyRequest, check_answer, requests
from tests.rest.test_any_request import OF_ALICE, OF_GUEST
from tests.rest.world import ALICE

EXAMPLES = 250
SECONDS = 30
#: what is no HTTP, or only nearly
BROKEN = (
    b"\r\n\r\n",
    b"GET\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET  /  HTTP/1.1\r\nHost: x\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"POST /api/v1/namespaces/_/actions/a HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nBad Header : y\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n",
    b"GET http://127.0.0.1/ping HTTP/1.1\r\nHost: x\r\n\r\n",
    b"CONNECT here:1 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 200_000 + b"\r\n\r\n",
    b"GET /ping HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
)


@pytest.fixture(scope="module")
def shared() -> Iterator[LiveNode]:
    """A node with two tenants who have entities of the same names; its log must not tell of surprises."""
    live = LiveNode()
    subprocess.run([*_CLI, "--data-dir", str(live.data), "create", "alice", "--auth", ALICE], check=True)
    with live:
        for path, body in OF_ALICE:
            assert live.api("PUT", f"/{path}", body, auth=ALICE).status == 200
        for path, body in OF_GUEST:
            assert live.api("PUT", f"/{path}", body).status == 200
        yield live
        assert "Traceback" not in live.log.read_text(errors="replace")


_CLI = (sys.executable, "-m", "owactors.cli", "user")


def ask(port: int, request: AnyRequest) -> None:
    """One request on a connection of its own; its answer is checked."""
    target = request.target + (b"?" + request.query if request.query else b"")
    lines = [request.method.encode() + b" " + target + b" HTTP/1.1"]
    lines += [name + b": " + value for name, value in request.headers]
    lines += [b"content-length: %d" % len(request.body), b"connection: close", b"", b""]
    answer = _exchange(port, b"\r\n".join(lines) + request.body, request.method)
    if answer is not None:
        check_answer(*answer)


def _exchange(port: int, sent: bytes, method: str = "GET") -> tuple[int, list[tuple[bytes, bytes]], bytes] | None:
    """The answer to these bytes, None if the connection was closed without one."""
    with socket.create_connection(("127.0.0.1", port), SECONDS) as connection:
        try:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # refused before it was read whole
        answer = http.client.HTTPResponse(connection, method=method)
        try:
            answer.begin()
            body = answer.read()
        except (http.client.BadStatusLine, ConnectionResetError):
            return None
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.getheaders()]
        return answer.status, headers, body


@settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(request=requests)
def test_any_request(shared: LiveNode, request: AnyRequest) -> None:
    ask(shared.port, request)


@pytest.mark.parametrize("sent", BROKEN, ids=lambda sent: repr(sent[:24]))
def test_what_is_no_request(shared: LiveNode, sent: bytes) -> None:
    """Refused or cut off; never an error of the server; the next request is answered."""
    answer = _exchange(shared.port, sent)
    if answer is not None:
        check_answer(*answer)
    assert shared.request("GET", "/ping").status == 200


def test_every_tenant_sees_only_what_is_its_own(shared: LiveNode) -> None:
    seen = json.dumps([shared.api("GET", f"/{path}", auth=ALICE).json for path, _ in OF_ALICE])
    assert seen.count(SECRET) >= len(OF_ALICE)
    for collection in ("actions", "packages", "triggers", "rules", "activations"):
        assert SECRET not in shared.api("GET", f"/{collection}?limit=0").body.decode()
        foreign = shared.request("GET", f"/api/v1/namespaces/alice/{collection}")
        assert (foreign.status, foreign.body) == (200, b"[]") if collection == "packages" else foreign.status == 403
