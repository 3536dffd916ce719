"""Numbered scenarios of invoking, triggers, rules, records, namespaces, and two controllers, through HTTP."""

from __future__ import annotations

import asyncio

import pytest
from attrs import evolve

from owactors.rest.application import Application
from tests.rest.replay.talking import InProcess
from tests.rest.test_frame import error, in_world
from tests.rest.test_triggers_rules import linked, record
from tests.rest.world import ALICE, World

DOES_NOT_EXIST = "The requested resource does not exist."


@pytest.mark.scenario("F14")
def test_everybody_has_one_namespace() -> None:
    async def story(world: World) -> None:
        assert (await world.ask("GET", "/api/v1/namespaces")).json() == ["guest"]
        assert (await world.ask("GET", "/api/v1/namespaces/", key=ALICE)).json() == ["alice"]

    in_world(story)


@pytest.mark.scenario("F16")
@pytest.mark.parametrize("method", ["PUT", "DELETE", "POST"])
def test_limits_can_only_be_read(method: str) -> None:
    async def story(world: World) -> None:
        for path in ("limits", "limits/x"):
            assert (await world.ask(method, path, {})).status in (404, 405)

    in_world(story)


@pytest.mark.scenario("I07")
@pytest.mark.parametrize("timeout", ["0", "-1", "60001", "x"])
def test_waits_that_are_none(timeout: str) -> None:
    async def story(world: World) -> None:
        await world.make_action("a")
        refused = await world.ask("POST", f"actions/a?blocking=true&timeout={timeout}", {})
        assert refused.status == 400
        assert "timeout" in error(refused)
        assert "60000" in error(refused)
        assert world.invoker.published == []

    in_world(story)


@pytest.mark.scenario("I14")
def test_bodies_of_invocations() -> None:
    async def story(world: World) -> None:
        await world.make_action("a")
        an_array = await world.ask("POST", "actions/a", [1])
        assert (an_array.status, "malformed" in error(an_array)) == (400, True)
        text = {"Content-Type": "text/plain"}
        assert (await world.ask("POST", "actions/a", raw=b"{}", headers=text)).status == 415
        for raw in (None, b""):
            reply = await world.ask("POST", "actions/a?blocking=true&result=true", raw=raw)
            assert (reply.status, reply.json()) == (200, {})

    in_world(story)


@pytest.mark.scenario("I15")
@pytest.mark.scenario("T09")
@pytest.mark.parametrize("path", ["actions/a", "triggers/t"])
def test_payloads_beyond_the_limit(path: str) -> None:
    async def story(world: World) -> None:
        await linked(world)
        refused = await world.ask("POST", path, {"x": "y" * 1_048_576})
        assert refused.status == 413
        assert error(refused) == "Request larger than allowed: 1048585 > 1048576 bytes."

    in_world(story)


@pytest.mark.scenario("T01")
@pytest.mark.scenario("T11")
@pytest.mark.scenario("T17")
def test_triggers_and_rules_shown_and_listed() -> None:
    async def story(world: World) -> None:
        await linked(world)
        trigger = (await world.ask("GET", "triggers/t")).json()
        assert trigger["parameters"] == [{"key": "p", "value": 1}]
        status = {"action": {"path": "guest", "name": "a"}, "status": "active"}
        assert trigger["rules"] == {"guest/r": status}
        (row,) = (await world.ask("GET", "triggers")).json()
        assert not {"parameters", "rules"} & {*row}
        rule = (await world.ask("GET", "rules/r")).json()
        assert rule["status"] == "active"
        assert rule["trigger"] == {"path": "guest", "name": "t"}
        assert rule["action"] == {"path": "guest", "name": "a"}
        (listed,) = (await world.ask("GET", "rules")).json()
        assert "status" not in listed
        assert (await world.ask("GET", "rules?count=true")).json() == {"rules": 1}

    in_world(story)


@pytest.mark.scenario("T12")
def test_rules_are_switched_off_and_on() -> None:
    async def story(world: World) -> None:
        await linked(world)
        for _ in range(2):
            reply = await world.ask("POST", "rules/r", {"status": "inactive"})
            assert reply.status == 200
            assert (await world.ask("GET", "rules/r")).json()["status"] == "inactive"
        assert (await world.ask("POST", "rules/r", {"status": "paused"})).status == 400
        await world.ask("POST", "rules/r", {"status": "active"})
        assert (await world.ask("GET", "rules/r")).json()["status"] == "active"

    in_world(story)


@pytest.mark.scenario("T13")
def test_a_rule_whose_trigger_is_gone() -> None:
    async def story(world: World) -> None:
        await linked(world)
        await world.ask("DELETE", "triggers/t")
        assert (await world.ask("GET", "rules/r")).json()["status"] == "inactive"
        refused = await world.ask("POST", "rules/r", {"status": "active"})
        assert refused.status == 404
        assert "trigger" in error(refused)
        assert (await world.ask("POST", "rules/r", {"status": "inactive"})).status == 200

    in_world(story)


@pytest.mark.scenario("V01")
@pytest.mark.scenario("V02")
@pytest.mark.scenario("V04")
def test_lists_of_records() -> None:
    async def story(world: World) -> None:
        await world.ask("PUT", "packages/pkg", {})
        called = []
        for name in ("a", "pkg/a", "b"):
            await world.make_action(name)
            world.clock.ms += 10
            called.append((await world.ask("POST", f"actions/{name}?blocking=true", {})).json()["activationId"])
        rows = (await world.ask("GET", "activations")).json()
        assert [row["activationId"] for row in rows] == called[::-1]
        assert [row["statusCode"] for row in rows] == [0, 0, 0]
        assert "response" not in rows[0]
        whole = (await world.ask("GET", "activations?docs=true")).json()
        assert [document["response"]["status"] for document in whole] == ["success"] * 3
        for name, expected in (("a", called[0]), ("pkg/a", called[1])):
            (row,) = (await world.ask("GET", f"activations?name={name}")).json()
            assert row["activationId"] == expected
        assert (await world.ask("GET", "activations?name=a/b/c")).status == 400
        assert (await world.ask("GET", "activations?docs=true&count=true")).status == 400
        assert (await world.ask("GET", "activations?count=true&skip=2")).json() == {"activations": 1}

    in_world(story)


@pytest.mark.scenario("V05")
@pytest.mark.scenario("V06")
def test_one_record_and_its_parts() -> None:
    async def story(world: World) -> None:
        short = await world.ask("GET", f"activations/{'a' * 31}")
        assert (short.status, error(short)) == (400, "Activation id length is 31 but must be 32.")
        assert (await world.ask("GET", f"activations/{'g' * 32}")).status == 400
        missing = await world.ask("GET", f"activations/{'a' * 32}")
        assert (missing.status, error(missing)) == (404, DOES_NOT_EXIST)
        await linked(world)
        fired = await world.ask("POST", "triggers/t", {})
        found = await record(world, fired)
        path = f"activations/{found['activationId']}"
        assert (await world.ask("GET", f"{path}/result")).json() == found["response"]
        assert list((await world.ask("GET", f"{path}/logs")).json()) == ["logs"]
        assert (await world.ask("GET", f"{path}/x")).status == 404

    in_world(story)


@pytest.mark.scenario("L18")
def test_a_change_on_one_controller_is_seen_by_the_other() -> None:
    """Each tells the other what it changed, and does not listen to itself."""

    async def story() -> None:
        one = await World().open()
        other = Application(evolve(one.services))
        told: list[str] = []
        one.services.changed = lambda doc_id: (told.append(doc_id), other.api.repository.invalidate([doc_id]))[0]
        body = {"exec": {"kind": "nodejs:20", "code": "one"}}
        await one.ask("PUT", "actions/x", body)
        there = World.__new__(World)
        there.transport = InProcess(other)
        assert (await there.ask("GET", "actions/x")).json()["exec"]["code"] == "one"
        body["exec"]["code"] = "two"
        await one.ask("PUT", "actions/x?overwrite=true", body)
        assert (await there.ask("GET", "actions/x")).json()["exec"]["code"] == "two"
        await one.ask("DELETE", "actions/x")
        assert (await there.ask("GET", "actions/x")).status == 404
        assert {*told} == {"guest/x"}

    asyncio.run(story())
