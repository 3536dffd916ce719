"""Triggers and rules; what the recorded cases leave out."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.rest.replay.talking import Reply
from tests.rest.test_frame import error, in_world
from tests.rest.world import ALICE, World


async def linked(world: World, rule: str = "r", trigger: str = "t", action: str = "a") -> None:
    """A trigger, an action, and a rule between them."""
    if (await world.ask("GET", f"triggers/{trigger}")).status == 404:
        await world.ask("PUT", f"triggers/{trigger}", {"parameters": [{"key": "p", "value": 1}]})
    if (await world.ask("GET", f"actions/{action}")).status == 404:
        await world.make_action(action)
    reply = await world.ask("PUT", f"rules/{rule}", {"trigger": f"/_/{trigger}", "action": f"/_/{action}"})
    assert reply.status == 200, reply


async def record(world: World, fired: Reply) -> dict[str, Any]:
    """The record of a fired trigger, its log lines read."""
    await world.application.api.firing.finish()
    found: dict[str, Any] = (await world.ask("GET", f"activations/{fired.json()['activationId']}")).json()
    return {**found, "logs": [json.loads(line) for line in found["logs"]]}


@pytest.mark.scenario("T02")
@pytest.mark.parametrize(
    ("feed", "status"),
    [(5, 400), ("", 400), ("a,b", 400), ("xyz", 200), ("p/f", 200), ("a//b", 200)],
)
def test_feeds(feed: object, status: int) -> None:
    async def story(world: World) -> None:
        body = {"annotations": [{"key": "feed", "value": feed}]}
        assert (await world.ask("PUT", "triggers/t", body)).status == status
        await world.ask("PUT", "triggers/u", {})
        assert (await world.ask("PUT", "triggers/u?overwrite=true", body)).status == 200

    in_world(story)


@pytest.mark.scenario("T04")
@pytest.mark.scenario("T05")
@pytest.mark.scenario("T06")
@pytest.mark.scenario("V08")
def test_firing_runs_active_rules_and_notes_the_others() -> None:
    async def story(world: World) -> None:
        await linked(world)
        await linked(world, "off", action="b")
        await world.ask("POST", "rules/off", {"status": "inactive"})
        fired = await world.ask("POST", "triggers/t", {"p": 2}, headers={"X-Request-ID": "t1", "X-Mine": "1"})
        assert fired.status == 202
        found = await record(world, fired)
        (message,) = world.invoker.published
        headers = message.content.pop("__ow_headers")
        assert {"x-request-id": "t1", "x-mine": "1"}.items() <= headers.items()
        assert "content-type" not in headers
        assert (message.content, message.transid.id, message.cause) == ({"p": 2}, "t1", None)
        inactive = "Rule 'guest/off' is inactive, action 'guest/b' was not activated."
        assert found["logs"] == [
            {
                "statusCode": 0,
                "success": True,
                "activationId": message.activation_id,
                "rule": "guest/r",
                "action": "guest/a",
            },
            {"statusCode": 1, "success": False, "error": inactive, "rule": "guest/off", "action": "guest/b"},
        ]
        assert found["response"]["result"] == {"p": 2}
        assert found["annotations"] == []
        assert not {"end", "duration"} & found.keys()

    in_world(story)


@pytest.mark.scenario("T03")
def test_only_inactive_rules() -> None:
    async def story(world: World) -> None:
        await linked(world)
        await world.ask("POST", "rules/r", {"status": "inactive"})
        fired = await world.ask("POST", "triggers/t", {})
        assert (fired.status, fired.body, fired.header("x-openwhisk-activation-id")) == (204, b"", "")

    in_world(story)


@pytest.mark.scenario("T07")
@pytest.mark.scenario("T08")
@pytest.mark.scenario("T16")
def test_actions_that_are_gone_bound_or_shared_by_rules() -> None:
    async def story(world: World) -> None:
        await world.ask("PUT", "packages/p", {})
        await world.make_action("p/x")
        await world.ask("PUT", "packages/b", {"binding": {"namespace": "_", "name": "p"}})
        await world.ask("PUT", "triggers/t", {})
        await world.ask("PUT", "rules/bound", {"trigger": "/_/t", "action": "/_/b/x"})
        await linked(world, "r", action="gone")
        await world.ask("DELETE", "actions/gone")
        found = await record(world, await world.ask("POST", "triggers/t", {}))
        ran, gone = found["logs"]
        assert (ran["success"], ran["action"]) == (True, "guest/b/x")
        assert world.invoker.published[-1].action.binding == "guest/b"
        assert (gone["statusCode"], gone["error"]) == (1, "The requested resource does not exist.")

    in_world(story)


def test_an_open_firing_is_accepted_on_disk() -> None:
    async def story(world: World) -> None:
        await linked(world)
        fired = await world.ask("POST", "triggers/t", {"k": 1})
        await world.application.api.firing.finish()
        assert await world.store.activations.unfinished() == ()
        assert (await record(world, fired))["name"] == "t"

    in_world(story)


@pytest.mark.scenario("T10")
def test_rules_need_what_they_name() -> None:
    async def story(world: World) -> None:
        await world.ask("PUT", "triggers/t", {})
        await world.make_action("a")
        for body, text in (
            ({"trigger": "/_/x", "action": "/_/a"}, "trigger /guest/x does not exist"),
            ({"trigger": "/_/t", "action": "/_/x"}, "action /guest/x does not exist"),
            ({"action": "/_/a"}, "rule requires a valid trigger and a valid action"),
        ):
            reply = await world.ask("PUT", "rules/r", body)
            assert (reply.status, error(reply)) == (400, text)
        reply = await world.ask("PUT", "rules/r", {"trigger": "/_/a", "action": "/_/a"})
        assert (reply.status, "not in this collection" in error(reply)) == (400, True)

    in_world(story)


@pytest.mark.scenario("WIRE-15")
@pytest.mark.scenario("T14")
def test_updating_a_rule_moves_its_link_and_keeps_its_status() -> None:
    async def story(world: World) -> None:
        await linked(world)
        await world.ask("POST", "rules/r", {"status": "inactive"})
        await world.ask("PUT", "triggers/u", {})
        await world.make_action("b")
        moved = await world.ask("PUT", "rules/r?overwrite=true", {"trigger": "/_/u", "action": "/_/b"})
        assert (moved.json()["status"], moved.json()["version"]) == ("inactive", "0.0.2")
        assert (await world.ask("GET", "triggers/t")).json()["rules"] == {}
        assert (await world.ask("GET", "triggers/u")).json()["rules"] == {
            "guest/r": {"action": {"path": "guest", "name": "b"}, "status": "inactive"}
        }

    in_world(story)


@pytest.mark.scenario("T15")
@pytest.mark.scenario("T19")
def test_a_rule_deleted_and_made_again() -> None:
    async def story(world: World) -> None:
        await linked(world)
        assert (await world.ask("DELETE", "rules/r")).json()["status"] == "inactive"
        assert (await world.ask("POST", "triggers/t", {})).status == 204
        await linked(world)
        assert (await world.ask("POST", "triggers/t", {})).status == 202
        await world.application.api.firing.finish()

    in_world(story)


@pytest.mark.scenario("T18")
def test_rules_reach_no_private_actions_of_others() -> None:
    async def story(world: World) -> None:
        await world.ask("PUT", "packages/p", {})
        await world.make_action("p/x")
        await world.ask("PUT", "triggers/t", {}, key=ALICE)
        body = {"trigger": "/_/t", "action": "/guest/p/x"}
        assert (await world.ask("PUT", "rules/r", body, key=ALICE)).status == 403
        await world.ask("PUT", "packages/p?overwrite=true", {"publish": True})
        assert (await world.ask("PUT", "rules/r", body, key=ALICE)).status == 200

    in_world(story)


@pytest.mark.scenario("V03")
@pytest.mark.scenario("V07")
def test_records_by_time_and_owner() -> None:
    async def story(world: World) -> None:
        await world.make_action("a")
        start = world.clock.ms
        ids = []
        for step in range(3):
            world.clock.ms = start + step
            ids.append((await world.ask("POST", "actions/a?blocking=true", {})).json()["activationId"])
        rows = (await world.ask("GET", f"activations?since={start + 1}&upto={start + 1}")).json()
        assert [row["activationId"] for row in rows] == [ids[1]]
        assert (await world.ask("GET", "activations?count=true&skip=2")).json() == {"activations": 1}
        reply = await world.ask("GET", "activations?count=true&docs=true")
        assert (reply.status, error(reply)) == (400, "The parameter 'docs' is not permitted with 'count'.")
        assert (await world.ask("GET", f"/api/v1/namespaces/guest/activations/{ids[0]}", key=ALICE)).status == 403

    in_world(story)
