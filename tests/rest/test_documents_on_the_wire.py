"""What a controller leaves in the store, for others to read."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.rest.test_frame import in_world
from tests.rest.world import World

LARGE = "function main() { return {} }\n" + "//" * 10_000


async def document(world: World, doc_id: str) -> dict[str, Any]:
    found: dict[str, Any] = await world.store.entities.get(doc_id)
    return found


@pytest.mark.scenario("WIRE-11")
def test_the_revision_handed_out_is_the_one_after_the_attachment() -> None:
    async def story(world: World) -> None:
        for code in (LARGE, LARGE + "#"):
            body = {"exec": {"kind": "nodejs:20", "code": code}}
            assert (await world.ask("PUT", "actions/large?overwrite=true", body)).status == 200
            stored = await document(world, "guest/large")
            name = stored["exec"]["code"]["attachmentName"].removeprefix("couch:")
            assert list(stored["_attachments"]) == [name]
            assert (await world.store.entities.attachment("guest/large", name))[1] == code.encode()
            await world.ask("POST", "actions/large", {})
            assert world.invoker.published[-1].revision.text == stored["_rev"]
            assert int(stored["_rev"].partition("-")[0]) % 2 == 0

    in_world(story)


@pytest.mark.scenario("WIRE-10")
def test_small_code_of_openwhisk_is_read_and_served() -> None:
    async def story(world: World) -> None:
        await world.make_action("small")
        stored = await document(world, "guest/small")
        name = "mem:" + base64.urlsafe_b64encode("print('ü?>')".encode()).decode()
        stored["exec"] = {
            "kind": stored["exec"]["kind"],
            "code": {"attachmentName": name, "attachmentType": "text/plain; charset=UTF-8", "length": 11},
            "binary": False,
        }
        await world.store.entities.put(stored)
        world.application.api.repository.invalidate(("guest/small",))
        assert (await world.ask("GET", "actions/small")).json()["exec"]["code"] == "print('ü?>')"

    in_world(story)


@pytest.mark.scenario("WIRE-21")
def test_the_record_of_a_trigger_has_no_end() -> None:
    async def story(world: World) -> None:
        await world.ask("PUT", "triggers/t", {})
        await world.make_action("a")
        await world.ask("PUT", "rules/r", {"trigger": "/_/t", "action": "/_/a"})
        fired = await world.ask("POST", "triggers/t", {"k": 1})
        await world.application.api.firing.finish()
        record = await world.store.activations.get("guest", fired.json()["activationId"])
        assert record["end"] == 0
        assert "duration" not in record
        assert record["start"] > 0
        assert record["response"] == {"statusCode": 0, "result": {"k": 1}}

    in_world(story)
