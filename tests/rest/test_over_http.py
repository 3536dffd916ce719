"""The application behind the HTTP server that nodes use, asked over a socket."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import uvicorn

from tests.rest.replay.cases import cases, run_name
from tests.rest.replay.playing import play
from tests.rest.replay.talking import OverHttp
from tests.rest.world import GUEST, World

AREAS = ("auth", "errors", "info", "namespaces")


@contextlib.asynccontextmanager
async def served(world: World) -> AsyncIterator[OverHttp]:
    """The world's application on a free port."""
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(world.application, http="httptools", lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield OverHttp(f"http://127.0.0.1:{listening.getsockname()[1]}")
    finally:
        server.should_exit = True
        await serving
        listening.close()


def test_recorded_cases_over_a_socket() -> None:
    async def played() -> dict[str, list[str]]:
        world = await World().open()
        found: dict[str, list[str]] = {}
        async with served(world) as transport:
            for case in (case for area in AREAS for case in cases(area)):
                found[case["id"]] = await play(case, transport, GUEST, run_name())
        return {name: lines for name, lines in found.items() if lines}

    found = asyncio.run(played())
    assert found.keys() <= {"errors-017"}, found  # that one needs a function which really runs
