"""The story of one activation, and records as they come."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from attrs import define, field

from owactors.entity.activation import ActivationResponse
from owactors.message.livelogs import PrintedLine
from owactors.message.story import Step, Story
from owactors.rest import telling
from owactors.rest.application import Application
from owactors.rest.records import OUT_OF_BAND
from owactors.rest.telling import Telling
from tests.rest.replay.talking import InProcess, authorization
from tests.rest.world import ALICE, GUEST, World

NOTED = Story("guest", (Step(1000, "controller", "accepted"), Step(1007, "pool", "given to container 1")))


@define
class Records:
    """Followed records that a test puts in."""

    records: asyncio.Queue[Any] = field(factory=asyncio.Queue)
    closed: bool = False
    asked: list[Any] = field(factory=list)

    async def next(self) -> Any:
        return await self.records.get()

    def close(self) -> None:
        self.closed = True

    def follow(self, namespace: str, name: str | None, lines: bool) -> Records:
        self.asked.append((namespace, name, lines))
        return self


async def telling_world(story: Story | None, records: Records | None = None) -> World:
    world = await World().open()

    async def tell(activation_id: str) -> Story | None:
        return story

    told = Telling(tell, records.follow if records else None)
    world.application = Application(world.services, telling=told)
    world.transport = InProcess(world.application)
    return world


def test_notes_and_record_together() -> None:
    async def story() -> None:
        world = await telling_world(NOTED)
        await world.make_action("a")
        world.invoker.behaviour = lambda message, action: ActivationResponse.application_error("sold out", 9)
        called = (await world.ask("POST", "actions/a?blocking=true", {})).json()["activationId"]
        shown = (await world.ask("GET", f"activations/{called}/explain")).json()
        assert (shown["ended"], shown["status"], shown["name"]) == (True, "application error", "a")
        assert shown["steps"][:2] == [
            {"at": 1000, "after": 0, "who": "controller", "what": "accepted"},
            {"at": 1007, "after": 7, "who": "pool", "what": "given to container 1"},
        ]
        assert shown["steps"][2]["what"] == "ended after 5 ms: application error: sold out"

    asyncio.run(story())


def test_of_old_calls_only_the_record_tells() -> None:
    async def story() -> None:
        world = await telling_world(None)
        await world.make_action("a")
        called = (await world.ask("POST", "actions/a?blocking=true", {})).json()["activationId"]
        steps = (await world.ask("GET", f"activations/{called}/explain")).json()["steps"]
        assert [step["what"] for step in steps] == [
            "accepted",
            "began after 3 ms of waiting for a container",
            "ended after 5 ms: success",
            "the container was cold: initializing took 20 ms",
        ]

    asyncio.run(story())


def test_what_runs_is_explained_and_what_is_unknown_is_not() -> None:
    async def story() -> None:
        path = f"activations/{'a' * 32}/explain"
        running = (await (await telling_world(NOTED)).ask("GET", path)).json()
        assert (running["ended"], len(running["steps"])) == (False, 2)
        assert (await (await telling_world(NOTED)).ask("GET", path, key=ALICE)).status == 404
        foreign = f"/api/v1/namespaces/guest/{path}"
        assert (await (await telling_world(NOTED)).ask("GET", foreign, key=ALICE)).status == 403
        assert (await (await telling_world(None)).ask("GET", path)).status == 404
        assert (await (await World().open()).ask("GET", path)).status == 404

    asyncio.run(story())


class Client:
    """One streaming request, piece by piece."""

    def __init__(self, world: World, path: str, key: str = GUEST, query: bytes = b"name=a") -> None:
        header = str(authorization("user", key)).encode()
        self._scope = {
            "type": "http",
            "method": "GET",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query,
            "headers": [(b"authorization", header)],
        }
        self.said: asyncio.Queue[Any] = asyncio.Queue()
        self._leaving = asyncio.Event()
        self._begun = False
        self.done = asyncio.ensure_future(world.application(self._scope, self._receive, self.said.put))

    async def _receive(self) -> dict[str, Any]:
        if not self._begun:
            self._begun = True
            return {"type": "http.request", "body": b""}
        await self._leaving.wait()
        return {"type": "http.disconnect"}

    async def leave(self) -> None:
        self._leaving.set()
        await self.done


def test_records_come_as_events_until_there_are_no_more() -> None:
    async def story() -> None:
        records = Records()
        world = await telling_world(None, records)
        client = Client(world, "/api/v1/namespaces/_/activations/follow")
        start = await client.said.get()
        headers = dict(start["headers"])
        assert (start["status"], headers[b"content-type"]) == (200, b"text/event-stream")
        assert b"content-length" not in headers
        assert (await client.said.get())["body"] == b": records follow\n\n"
        assert records.asked == [("guest", "a", False)]
        await records.records.put({"activationId": "f" * 32, "response": {"statusCode": 1}})
        event = (await client.said.get())["body"].decode()
        assert event.startswith(f"event: activation\nid: {'f' * 32}\ndata: {{")
        assert '"status":"application error"' in event
        await records.records.put(None)
        assert await client.said.get() == {"type": "http.response.body", "body": b""}
        await client.done
        assert records.closed

    asyncio.run(story())


def test_lines_come_as_events_of_their_own() -> None:
    async def story() -> None:
        records = Records()
        path = "/api/v1/namespaces/_/activations/follow"
        client = Client(await telling_world(None, records), path, query=b"lines=true")
        lines = [
            PrintedLine("1" * 32, "p/a", "one"),
            PrintedLine("1" * 32, "p/a", "two"),
            PrintedLine("2" * 32, "b", "x"),
        ]
        await records.records.put(tuple(lines))
        events = [(await client.said.get()).get("body") for _ in range(4)][2:]
        data = [json.loads(event.decode().partition("data: ")[2]) for event in events]
        assert all(event.startswith(b"event: log\nid: ") for event in events)
        assert data == [
            {"activationId": "1" * 32, "name": "p/a", "lines": ["one", "two"]},
            {"activationId": "2" * 32, "name": "b", "lines": ["x"]},
        ]
        assert records.asked == [("guest", None, True)]
        await client.leave()

    asyncio.run(story())


def test_a_client_that_leaves_is_followed_no_more(monkeypatch: Any) -> None:
    monkeypatch.setattr(telling, "HEARTBEAT_SECONDS", 0.01)

    async def story() -> None:
        records = Records()
        client = Client(await telling_world(None, records), "/api/v1/namespaces/_/activations/follow")
        said = [(await client.said.get()).get("body") for _ in range(3)]
        assert said[2] == b": still here\n\n"
        await client.leave()
        assert records.closed

    asyncio.run(story())


def test_nobody_follows_another_namespace() -> None:
    async def story() -> None:
        world = await telling_world(None, Records())
        reply = await world.ask("GET", "/api/v1/namespaces/guest/activations/follow", key=ALICE)
        assert reply.status == 403
        without = await telling_world(None)
        assert (await without.ask("GET", "activations/follow")).status == 400

    asyncio.run(story())


def test_a_log_out_of_band_is_read_back_where_that_is_possible() -> None:
    def record(number: int) -> dict[str, Any]:
        annotations = [{"key": "logs", "value": "out_of_band"}]
        of_all = {"namespace": "guest", "name": "a", "subject": "guest", "logs": [], "annotations": annotations}
        ended = {"start": 1000, "end": 1001, "duration": 1, "version": "0.0.1", "publish": False}
        return {"activationId": str(number) * 32, "response": {"statusCode": 0}, **of_all, **ended}

    async def read(activation_id: str, start: int) -> tuple[str, ...] | None:
        assert start == 1000
        return ("a line",) if activation_id == "1" * 32 else None

    async def story() -> None:
        world = await telling_world(None)
        for number in (1, 2):
            await world.services.activations.store(record(number))
        shown: list[Any] = []
        for logs in (read, None):
            world.application = Application(world.services, telling=Telling(_no_story, logs=logs))
            world.transport = InProcess(world.application)
            shown += [(await world.ask("GET", f"activations/{str(number) * 32}/logs")).json() for number in (1, 2)]
        assert shown == [{"logs": ["a line"]}, *[{"logs": [OUT_OF_BAND]}] * 3]

    asyncio.run(story())


async def _no_story(activation_id: str) -> Story | None:
    return None
