"""The frame of the API: transaction ids, credentials, CORS, routes of the server, sizes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from attrs import evolve

from owactors.rest.ports import RestSettings
from tests.rest.replay.talking import Reply
from tests.rest.world import GUEST, UNLIMITED, Bent, World

SETTINGS = RestSettings(limits=UNLIMITED)


def in_world(story: Callable[[World], Awaitable[None]], settings: RestSettings = SETTINGS) -> None:
    async def told() -> None:
        await story(await World(settings).open())

    asyncio.run(told())


def error(reply: Reply) -> str:
    return str(reply.json()["error"])


@pytest.mark.scenario("F10")
def test_a_transaction_id_is_taken_echoed_or_made() -> None:
    async def story(world: World) -> None:
        mine = await world.ask("GET", "actions/none", headers={"X-Request-ID": "abc"})
        assert (mine.header("x-request-id"), mine.json()["code"]) == ("abc", "abc")
        fresh = await world.ask("GET", "actions/none", headers={"X-Request-ID": "sid_x"})
        made = fresh.header("x-request-id")
        assert len(made) == 32
        assert made.isalnum()

    in_world(story)


@pytest.mark.scenario("F11")
@pytest.mark.scenario("F12")
@pytest.mark.parametrize(
    "key", [None, GUEST[:-1], GUEST.replace("23bc", "33bc"), "not:auuid", GUEST[:-1] + "x", GUEST + "x"]
)
def test_credentials_of_nobody(key: str | None) -> None:
    async def story(world: World) -> None:
        for _ in range(2):  # the second one is answered from what is remembered
            reply = await world.ask("GET", "actions", key=key)
            assert reply.status == 401
            assert reply.header("www-authenticate").startswith("Basic realm=")

    in_world(story)


@pytest.mark.scenario("F13")
def test_a_blocked_subject_is_locked_out_once_it_is_forgotten() -> None:
    async def story(world: World) -> None:
        assert (await world.ask("GET", "actions")).status == 200
        document = await world.store.subjects.get("guest")
        await world.store.subjects.put({**document, "blocked": True})
        assert (await world.ask("GET", "actions")).status == 200
        world.clock.seconds += 301
        assert (await world.ask("GET", "actions")).status == 401

    in_world(story)


@pytest.mark.scenario("F09")
def test_options_need_no_credentials() -> None:
    async def story(world: World) -> None:
        reply = await world.ask("OPTIONS", "/api/v1/namespaces/_/actions/x", key=None)
        assert reply.status == 200
        assert reply.header("access-control-allow-methods") == "GET, DELETE, POST, PUT, HEAD"

    in_world(story)


@pytest.mark.scenario("F01")
@pytest.mark.scenario("F02")
@pytest.mark.scenario("F08")
def test_routes_of_the_server() -> None:
    async def story(world: World) -> None:
        assert (await world.ask("GET", "/ping", key=None)).body == b"pong"
        info = (await world.ask("GET", "/", key=None)).json()
        assert info["api_paths"] == ["/api/v1"]
        assert set(info["runtimes"]) == set(world.services.manifest.to_json()["runtimes"])
        assert (await world.ask("GET", "/api/v1/", key=None)).json()["api_version"] == "1.0.0"
        document = (await world.ask("GET", "/api/v1/api-docs", key=None)).json()
        assert document["basePath"] == "/api/v1"
        docs = await world.ask("GET", "/api/v1/docs", key=None)
        assert (docs.status, docs.header("location")) == (308, "docs/index.html?url=/api/v1/api-docs")
        assert (await world.ask("GET", "/metrics", key=None)).status == 405

    in_world(story)


@pytest.mark.scenario("F03")
@pytest.mark.scenario("F04")
@pytest.mark.scenario("F05")
@pytest.mark.parametrize(
    ("states", "status", "ready"),
    [
        ({"invoker0": "up", "invoker1": "up"}, 200, {"healthy": "2/2"}),
        ({"invoker0": "up", "invoker1": "up", "invoker2": "down"}, 500, {"unhealthy": "1/3"}),
        ({}, 500, {"unhealthy": "0/0"}),
    ],
)
def test_states_of_invokers(states: dict[str, str], status: int, ready: dict[str, str]) -> None:
    async def story(world: World) -> None:
        world.invoker.states = states
        reply = await world.ask("GET", "/invokers/ready", key=None)
        assert (reply.status, reply.json()) == (status, ready)
        assert (await world.ask("GET", "/invokers", key=None)).json() == states
        count = (await world.ask("GET", "/invokers/healthy/count", key=None)).json()
        assert count == list(states.values()).count("up")

    in_world(story)


@pytest.mark.scenario("F06")
def test_activations_in_flight() -> None:
    async def story(world: World) -> None:
        world.invoker.running = {"a" * 32: "guest/a@0.0.1"}
        assert (await world.ask("GET", "/activation", key=None)).json() == [["a" * 32, "guest/a@0.0.1"]]
        assert (await world.ask("GET", "/activation/count", key=None)).json() == 1

    in_world(story)


@pytest.mark.scenario("F07")
def test_disable_wants_the_operators_password() -> None:
    async def story(world: World) -> None:
        done: list[bool] = []
        assert (await world.ask("POST", "/disable", key=None)).status == 405
        world.services.disable = lambda: done.append(True)
        assert (await world.ask("POST", "/disable", key=None)).status == 401
        wrong = await world.ask("POST", "/disable", key="controller.user:wrong")
        assert (wrong.status, error(wrong)) == (401, "username or password are wrong.")
        right = await world.ask("POST", "/disable", key="controller.user:controller.pass")
        assert (right.status, right.body, done) == (200, b"controller is disabled", [True])

    in_world(story)


@pytest.mark.scenario("F15")
def test_limits_of_a_namespace() -> None:
    async def story(world: World) -> None:
        await world.store.subjects.put({"_id": "guest/limits", "invocationsPerMinute": 7, "maxActionMemory": 384})
        limits = (await world.ask("GET", "limits")).json()
        assert (limits["invocationsPerMinute"], limits["maxActionMemory"]) == (7, 384)
        assert (await world.ask("GET", "/api/v1/namespaces/alice/limits")).status == 403
        assert (await world.ask("GET", "limits/x")).status == 400

    in_world(story)


def test_limits_that_cannot_be_read_count_as_none() -> None:
    async def story(world: World) -> None:
        await world.store.subjects.put({"_id": "guest/limits", "invocationsPerMinute": "many"})
        limits = (await world.ask("GET", "limits")).json()
        assert limits["invocationsPerMinute"] == UNLIMITED.invocations_per_minute

    in_world(story)


def test_a_body_beyond_all_limits_is_refused_unread() -> None:
    async def story(world: World) -> None:
        reply = await world.ask("PUT", "actions/a", raw=b"x" * 1001)
        assert reply.status == 415  # within the limit it is read and judged
        world.application.services.settings = evolve(SETTINGS, max_body=1000)
        parts = iter([b"x" * 600, b"x" * 600, b"x" * 600])

        async def receive() -> dict[str, object]:
            return {"type": "http.request", "body": next(parts), "more_body": True}

        sent: list[dict[str, object]] = []

        async def send(event: dict[str, object]) -> None:
            sent.append(event)

        scope = {
            "type": "http",
            "method": "PUT",
            "path": "/api/v1",
            "raw_path": b"/api/v1",
            "query_string": b"",
            "headers": [],
        }
        await world.application(scope, receive, send)  # type: ignore[arg-type]
        assert sent[0]["status"] == 413
        assert next(parts)

    in_world(story)


def test_a_client_that_goes_away_gets_no_answer() -> None:
    async def story(world: World) -> None:
        events = iter([{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}])

        async def receive() -> dict[str, object]:
            return next(events)

        async def send(event: object) -> None:
            raise AssertionError(event)

        scope = {"type": "http", "method": "PUT", "path": "/x", "query_string": b"", "headers": []}
        await world.application(scope, receive, send)  # type: ignore[arg-type]

    in_world(story)


def test_a_defect_is_a_500_with_the_transaction_id() -> None:
    async def story(world: World) -> None:
        async def broken(*_: object, **__: object) -> list[object]:
            raise RuntimeError("bug")

        world.application.api.repository._store = Bent(world.store.entities, list=broken)
        reply = await world.ask("GET", "actions", headers={"X-Request-ID": "t1"})
        assert (reply.status, reply.json()) == (
            500,
            {"error": "There was an internal server error.", "code": "t1"},
        )

    in_world(story)


@pytest.mark.parametrize(
    "path",
    [
        "actions//x",
        "actions/a/b/c",
        "triggers/t/",
        "rules/r/x",
        "packages/p/",
        "nothing",
        "activations//x",
    ],
)
def test_paths_that_lead_nowhere(path: str) -> None:
    async def story(world: World) -> None:
        reply = await world.ask("GET", path)
        assert (reply.status, error(reply)) == (404, "The requested resource could not be found.")

    in_world(story)


@pytest.mark.parametrize(
    ("accept", "status"),
    [("text/html", 406), ("*/*", 200), ("text/html, application/json;q=0.5", 200), ("application/json;q=0", 406)],
)
def test_accept_header(accept: str, status: int) -> None:
    async def story(world: World) -> None:
        assert (await world.ask("GET", "actions", headers={"Accept": accept})).status == status

    in_world(story)
