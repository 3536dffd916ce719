"""Whatever is sent: no 500, no trace of the program's insides, nothing of another tenant seen or changed."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.rest.anyrequest import SECRET, AnyRequest, check_answer, requests
from tests.rest.world import ALICE, World

_CODE = {"exec": {"kind": "nodejs:20", "code": f"function main(p){{return p}} // {SECRET}"}}
_HIDDEN = [{"key": "token", "value": SECRET}]
OF_ALICE = (
    ("packages/private", {"parameters": _HIDDEN}),
    ("actions/a", {**_CODE, "parameters": _HIDDEN}),
    ("actions/private/a", {**_CODE, "annotations": _HIDDEN}),
    ("triggers/trig", {"parameters": _HIDDEN}),
    ("rules/rule", {"trigger": "/_/trig", "action": "/_/a", "annotations": _HIDDEN}),
)
OF_GUEST = (
    ("packages/pack", {"publish": True}),
    ("packages/bound", {"binding": {"namespace": "_", "name": "pack"}}),
    ("actions/a", {"exec": {"kind": "nodejs:20", "code": "x"}, "annotations": [{"key": "web-export", "value": True}]}),
    ("actions/pack/a", {"exec": {"kind": "nodejs:20", "code": "x"}}),
    ("actions/chain", {"exec": {"kind": "sequence", "components": ["/_/a", "/_/pack/a"]}}),
    ("triggers/trig", {}),
    ("rules/rule", {"trigger": "/_/trig", "action": "/_/a"}),
)


async def two_tenants() -> World:
    """Both have entities of the same names; alice has a record too."""
    world = await World().open()
    for path, body in OF_ALICE:
        assert (await world.ask("PUT", path, body, key=ALICE)).status == 200
    for path, body in OF_GUEST:
        assert (await world.ask("PUT", path, body)).status == 200
    await world.ask("POST", "actions/a?blocking=true", {}, key=ALICE)
    return world


async def everything_of_alice(world: World) -> Any:
    """What alice sees of her own."""
    seen = {}
    for collection in ("packages", "actions", "triggers", "rules", "activations"):
        seen[collection] = (await world.ask("GET", f"{collection}?limit=0", key=ALICE)).json()
    for path, _ in OF_ALICE:
        seen[path] = (await world.ask("GET", path, key=ALICE)).json()
    return seen


async def send(world: World, request: AnyRequest) -> None:
    """One request, straight to the application; its answer is checked."""
    scope = {
        "type": "http",
        "method": request.method,
        "path": request.target.decode("latin-1"),
        "raw_path": request.target,
        "query_string": request.query,
        "headers": list(request.headers),
    }
    events: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": request.body, "more_body": False}

    async def note(event: Any) -> None:
        events.append(event)

    await world.application(scope, receive, note)
    check_answer(events[0]["status"], events[0]["headers"], b"".join(event["body"] for event in events[1:]))
    if events[0]["status"] >= 400 and any(value == b"application/json" for _, value in events[0]["headers"]):
        json.loads(b"".join(event["body"] for event in events[1:]) or b"null")


async def played(several: list[AnyRequest]) -> None:
    """Requests one after the other, in a world of their own."""
    world = await two_tenants()
    before = await everything_of_alice(world)
    assert SECRET in json.dumps(before)
    for request in several:
        await send(world, request)
    assert await everything_of_alice(world) == before


@settings(max_examples=250, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(several=st.lists(requests, min_size=4, max_size=12))
def test_any_requests(several: list[AnyRequest]) -> None:
    asyncio.run(played(several))
