"""The HTTP server of an actor is stopped while calls are under way."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from typing import Any

import pytest

from owactors.actor.httpserver import HttpServer, listening_socket
from owactors.rest.application import Application
from owactors.rest.ports import RestSettings
from tests.rest.world import UNLIMITED, World


def ping(port: int) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def stopped_while_under_way(app: Any, enough: float, stop: float) -> tuple[int, str]:
    """The answer to a call that the server took before it was stopped, with so many seconds for what is under way."""

    async def story() -> tuple[int, str]:
        server = HttpServer(app, listening_socket("127.0.0.1", 0))
        serving = asyncio.create_task(server.serve())
        asked = asyncio.create_task(asyncio.to_thread(ping, server.port))
        await asyncio.wait_for(app.taken.wait(), 30)
        server.stop(stop)
        asyncio.get_running_loop().call_later(enough, app.enough.set)
        answer = await asked
        await serving
        return answer

    return asyncio.run(story())


class Waiting(Application):
    """The API, but for its answers it waits until it is `enough`."""

    def __init__(self) -> None:
        super().__init__(World(RestSettings(limits=UNLIMITED)).services)
        self.taken, self.enough = asyncio.Event(), asyncio.Event()

    async def answer(self, request: Any) -> Any:
        self.taken.set()
        await self.enough.wait()
        return await super().answer(request)


def test_a_call_under_way_is_answered_in_the_time_it_has() -> None:
    assert stopped_while_under_way(Waiting(), enough=0.2, stop=60) == (200, "pong")


@pytest.mark.timeout(60)
def test_a_call_that_takes_longer_is_told_that_the_controller_stops() -> None:
    status, body = stopped_while_under_way(Waiting(), enough=100, stop=1)
    assert status == 503
    assert "The controller is stopping" in json.loads(body)["error"]
