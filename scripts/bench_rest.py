"""The API's requests that run no action, or several, beside a plain ASGI route in the same run."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from bench_client import Sample, measure, request
from bench_node import Node, authorization

ECHO = "def main(args):\n    return args\n"
ACTIONS_LISTED, RULES, PARTS = 200, 10, 3
Good = Callable[[int, bytes], bool]


async def plain(scope: Any, receive: Any, send: Any) -> None:
    """The yardstick: a route that does nothing."""
    await receive()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"{}"})


def _serve(listening: socket.socket) -> None:
    config = uvicorn.Config(plain, access_log=False, log_level="critical", lifespan="off")
    asyncio.run(uvicorn.Server(config).serve(sockets=[listening]))


@contextmanager
def plain_server() -> Iterator[str]:
    """A server with the plain route, in a process of its own; its address."""
    listening = socket.create_server(("127.0.0.1", 0))
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # inherited by what it accepts
    process = multiprocessing.get_context("fork").Process(target=_serve, args=(listening,))
    process.start()
    try:
        yield f"127.0.0.1:{listening.getsockname()[1]}"
    finally:
        process.terminate()
        process.join()
        listening.close()


def _request(method: str, path: str, body: Any = None) -> bytes:
    text = b"" if body is None else json.dumps(body).encode()
    made = request(f"/api/v1/{path}", text, authorization())
    return made.replace(b"POST ", f"{method} ".encode(), 1)


def _prepare(node: Node) -> None:
    node.deploy("echo", ECHO)
    for number in range(ACTIONS_LISTED):
        node.deploy(f"listed{number}", ECHO)
    parts = {"kind": "sequence", "components": ["/_/echo"] * PARTS}
    web = {"exec": {"kind": "python:default", "code": ECHO}, "annotations": [{"key": "web-export", "value": True}]}
    setup = [
        _request("PUT", "namespaces/_/actions/chain?overwrite=true", {"exec": parts}),
        _request("PUT", "namespaces/_/actions/page?overwrite=true", web),
        _request("PUT", "namespaces/_/triggers/bell?overwrite=true", {}),
    ]
    for number in range(RULES):
        rule = {"trigger": "/_/bell", "action": "/_/echo"}
        setup.append(_request("PUT", f"namespaces/_/rules/rule{number}?overwrite=true", rule))
    for each in setup:
        asyncio.run(measure(node.address, each, 1, 1, lambda status, _: status == 200))


def _is(status: int) -> Good:
    return lambda got, _: got == status


#: name -> (request, what a good answer is, share of the calls that are made)
CASES: dict[str, tuple[bytes, Good, float]] = {
    "get_action": (_request("GET", "namespaces/_/actions/echo"), _is(200), 1),
    "list_200": (_request("GET", "namespaces/_/actions?limit=200"), _is(200), 0.1),
    "put_action": (
        _request("PUT", "namespaces/_/actions/put?overwrite=true", {"exec": {"kind": "python:default", "code": ECHO}}),
        _is(200),
        0.2,
    ),
    "fire_trigger_10_rules": (_request("POST", "namespaces/_/triggers/bell", {}), _is(202), 0.05),
    "one_call": (_request("POST", "namespaces/_/actions/echo?blocking=true&result=true", {"a": 1}), _is(200), 0.3),
    "sequence_of_3": (_request("POST", "namespaces/_/actions/chain?blocking=true&result=true", {}), _is(200), 0.3),
    "web_action": (_request("GET", "web/guest/default/page.json?a=1"), _is(200), 0.3),
}


def rest(calls: int) -> dict[str, Any]:
    """Each case one after the other, one request in flight; CPU of the node per request."""
    figures: dict[str, Any] = {}
    with plain_server() as address:
        bare = asyncio.run(measure(address, request("/", b""), calls, 1, _is(200)))
    figures["plain_route"] = {"p50": round(bare.percentile(0.5), 3), "p99": round(bare.percentile(0.99), 3)}
    with Node("containers.user_memory=4 GB", "containers.prewarm=false", "logging.level=warning") as node:
        _prepare(node)
        for name, (made, good, share) in CASES.items():
            asyncio.run(measure(node.address, made, 20, 1, good))
            figures[name] = _measured(node, made, good, max(20, int(calls * share)), bare)
    ratio = figures["sequence_of_3"]["p50"] / figures["one_call"]["p50"]
    figures["sequence_of_3_against_one_call"] = round(ratio, 2)
    return figures


def _measured(node: Node, made: bytes, good: Good, count: int, bare: Sample) -> dict[str, Any]:
    before = node.cpu_seconds()
    sample = asyncio.run(measure(node.address, made, count, 1, good))
    figures: dict[str, Any] = {
        "p50": round(sample.percentile(0.5), 3),
        "p99": round(sample.percentile(0.99), 3),
        "cpu_ms_per_call": round((node.cpu_seconds() - before) / count * 1000, 3),
        "p50_against_plain_route": round(sample.percentile(0.5) / bare.percentile(0.5), 2),
    }
    if sample.failures:
        figures["failures"], figures["first_failure"] = len(sample.failures), sample.failures[0]
    return figures
