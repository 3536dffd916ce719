"""The same REST calls that a running OpenWhisk answered: the messages for invokers are the ones that it sent."""

from __future__ import annotations

import asyncio
import json
import os
from typing import Any

from attrs import evolve

from owactors.core.parameterencryption import ParameterEncryption
from owactors.entity.instance import ControllerInstanceId
from owactors.entity.semver import SemVer
from owactors.message.activation import ActivationMessage
from owactors.message.payload import to_payload
from tests.message.recordings import FOLDER, recorded
from tests.rest.world import World, subject

USERS = {"guest": "TESTKEY1", "limited": "TESTKEY2", "alice": "TESTKEY3", "mira": "TESTKEY4"}
LOCK = ParameterEncryption("aes-128", {"aes-128": (b"0123456789abcdef",)}, os.urandom).lock
#: what only the moment decides: who calls is compared without the key and the limits of the recorded subject
OWN = ("transid", "activationId", "revision", "cause", "user")


def key_of(namespace: str) -> str:
    return f"{sum(namespace.encode()):08d}-0000-4000-8000-000000000000:{USERS[namespace]:x<64}"


def calls() -> list[dict[str, Any]]:
    lines = (FOLDER / "rest_calls.jsonl").read_text().splitlines()
    return sorted((json.loads(line) for line in lines), key=lambda call: call["call"])


def messages() -> dict[str, list[dict[str, Any]]]:
    """Call -> what was put onto the topics of invokers for it."""
    found: dict[str, list[dict[str, Any]]] = {}
    for message in recorded("invoker"):
        found.setdefault(message.call, []).append(message.value)
    return found


def shape(value: Any) -> Any:
    """Names and types at every level, in their order."""
    if isinstance(value, dict):
        return [(name, shape(part)) for name, part in value.items()]
    return [shape(part) for part in value] if isinstance(value, list) else type(value).__name__


class Replay:
    """Plays the calls; an action's version and parameters are what the recorded message presupposes."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.compared: set[str] = set()

    async def run(self) -> None:
        sent = messages()
        users = [value["user"] for values in sent.values() for value in values]
        subjects = {user["namespace"]["name"]: user["subject"] for user in users}
        for namespace in USERS:
            document = {**subject(namespace, key_of(namespace)), "subject": subjects[namespace]}
            await self.world.store.subjects.put({**document, "_id": subjects[namespace]})
        for call in calls():
            before = len(self.world.invoker.published)
            expected = sent.get(call["call"], [])
            if len(expected) == 1:
                await self._ensure_version(expected[0]["action"])
            reply = await self._ask(call)
            await asyncio.sleep(0.01)
            mine = self.world.invoker.published[before:]
            if len(expected) == 1 and reply.status != 404:
                assert len(mine) == 1, (call["call"], reply)
                self._compare(call["call"], expected[0], mine[0])

    async def _ask(self, call: dict[str, Any]) -> Any:
        self.world.services.instance = ControllerInstanceId(str(call["controller"]))
        # the second controller encrypts what is stored
        self.world.services.lock = LOCK if call["controller"] else lambda parameters: parameters
        body = call["body"]
        raw = body.encode() if isinstance(body, str) and "@@" not in body else None
        return await self.world.ask(
            call["method"],
            call["path"],
            None if isinstance(body, str) else body,
            key=key_of(call["namespace"]),
            headers={**call["headers"], "Content-Type": "application/json"},
            raw=raw,
        )

    async def _ensure_version(self, action: dict[str, Any]) -> None:
        """The calls in between that made another version were kept elsewhere."""
        repository = self.world.application.api.repository
        try:
            known = await repository.action(f"{action['path']}/{action['name']}")
        except Exception:
            return
        if str(known.version) != action["version"]:
            await repository.save(evolve(known, version=SemVer.parse(action["version"])))

    def _compare(self, call: str, theirs: dict[str, Any], message: ActivationMessage) -> None:
        mine = json.loads(to_payload(message.to_json()))
        assert list(mine) == list(theirs), call
        for name in OWN[:-1]:
            assert shape(mine.get(name)) == shape(theirs.get(name)), (call, name)
        assert list(mine["user"]) == list(theirs["user"]), call
        assert {**mine["user"], "authkey": 0, "limits": 0, "namespace": 0} == {
            **theirs["user"],
            "authkey": 0,
            "limits": 0,
            "namespace": 0,
        }, call
        assert shape(mine["user"]["namespace"]) == shape(theirs["user"]["namespace"])
        for each in (mine, theirs):
            content = each.get("content", {})
            content.pop("__ow_headers", None)  # of a web action: the client's own
            content.update({name: "locked" for name in each["lockedArgs"] if isinstance(content[name], str)})
        rest = [name for name in mine if name not in OWN]
        assert {name: mine[name] for name in rest} == {name: theirs[name] for name in rest}, call
        self.compared.add(call)


def test_the_message_for_the_same_call_is_the_same() -> None:
    async def play() -> set[str]:
        replay = Replay(World())
        await replay.run()
        return replay.compared

    compared = asyncio.run(play())
    assert len(compared) > 40, (len(compared), sorted(compared))
