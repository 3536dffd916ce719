"""The same REST calls that a running OpenWhisk answered: what goes onto topics for them is what it sent.

That is: messages for invokers, what other controllers are to forget, and user events. So are the documents.
"""

from __future__ import annotations

import asyncio
import json
import os
from typing import Any

from attrs import evolve

from owactors.core.parameterencryption import ParameterEncryption
from owactors.entity.action import WhiskAction
from owactors.entity.activation import ActivationResponse
from owactors.entity.instance import ControllerInstanceId
from owactors.entity.limits import Bounds, LimitBounds
from owactors.entity.semver import SemVer
from owactors.message.activation import ActivationMessage
from owactors.message.event import MetricEvent
from owactors.message.payload import to_payload
from owactors.rest.ports import RestSettings
from tests.message.recordings import FOLDER, recorded
from tests.rest.world import UNLIMITED, World, subject

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


def answers() -> dict[str, list[tuple[str, ActivationResponse]]]:
    """Call -> how its actions ended, in the order of the messages for them."""
    kept = {}
    for message in recorded("completed"):
        response = message.value.get("response")
        if isinstance(response, dict):
            kept[response["activationId"]] = ActivationResponse.from_json(response["response"])
    found: dict[str, list[tuple[str, ActivationResponse]]] = {}
    for message in recorded("invoker"):
        response = kept.get(message.value["activationId"], ActivationResponse.success({}))
        found.setdefault(message.call, []).append((message.value["action"]["name"], response))
    return found


def told() -> dict[str, dict[str, list[str]]]:
    """Call -> what other controllers were told to forget, and the controller's own events."""
    found: dict[str, dict[str, list[str]]] = {}
    for message in recorded("cacheInvalidation"):
        found.setdefault(message.call, {}).setdefault("forget", []).append(message.value["key"]["mainId"])
    for message in recorded("events"):
        if message.value["source"].startswith("controller"):
            body = message.value["body"]
            found.setdefault(message.call, {}).setdefault("events", []).append(body.get("metricName") or body["name"])
    return found


def shape(value: Any) -> Any:
    """Names and types at every level, in their order."""
    if isinstance(value, dict):
        return [(name, shape(part)) for name, part in value.items()]
    return [shape(part) for part in value] if isinstance(value, list) else type(value).__name__


PYTHON = {"exec": {"kind": "python:3.11", "code": "def main(args): return args"}}
ECHO = {**PYTHON, "parameters": [{"key": "a", "value": "act"}, {"key": "INITP", "value": "in", "init": True}]}
SEQUENCE = {"exec": {"kind": "sequence", "components": ["/_/utils/echo", "/_/hello"]}}
BINDING = {"binding": {"namespace": "guest", "name": "utils"}, "parameters": [{"key": "p", "value": "bind"}]}
#: what was made by calls that were kept elsewhere, by the call before which it is needed
MADE_BEFORE: dict[str, list[tuple[str, str, Any]]] = {
    "R001": [
        ("guest", f"actions/{name}", PYTHON)
        for name in ("deverr", "initerr", "big", "sleep1", "exit0", "initslow", "term6", "gone2", "revd")
    ],
    "R032": [("guest", "actions/utils/echo", ECHO), ("alice", "packages/ub", BINDING)],
    "R041": [("guest", "actions/seq1", SEQUENCE)],
    "R056": [("guest", "rules/r2", {"status": "inactive"})],
    "R063": [("guest", f"actions/{name}", PYTHON) for name in ("bigcode", "bigtext", "bigzip")],
    "R702": [("limited", "triggers/tlim", {})],
}
#: what was told of calls at the same time was recorded with one of them
TOGETHER = {*(f"R{number:03}" for number in (*range(73, 83), *range(467, 475), *range(737, 742)))}


class Replay:
    """Plays the calls; an action's version and parameters are what the recorded message presupposes."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.compared: set[str] = set()
        self.told_the_same: set[str] = set()
        self._answers: list[tuple[str, ActivationResponse]] = []
        self._told: dict[str, list[str]] = {}
        world.invoker.behaviour = self._as_recorded
        world.services.changed = lambda doc_id: self._told.setdefault("forget", []).append(doc_id)
        world.services.event = self._event

    def _event(self, user: Any, body: Any) -> None:
        name = body.metric_name if isinstance(body, MetricEvent) else body.name
        self._told.setdefault("events", []).append(name)

    def _as_recorded(self, message: ActivationMessage, action: WhiskAction) -> ActivationResponse:
        for number, (name, response) in enumerate(self._answers):
            if name == message.action.name:
                del self._answers[number]
                return response
        return ActivationResponse.success(message.content, 2)

    async def run(self) -> None:
        sent, ended, told_then = messages(), answers(), told()
        users = [value["user"] for values in sent.values() for value in values]
        subjects = {user["namespace"]["name"]: user["subject"] for user in users}
        for namespace in USERS:
            document = {**subject(namespace, key_of(namespace)), "subject": subjects[namespace]}
            await self.world.store.subjects.put({**document, "_id": subjects[namespace]})
        made = dict(MADE_BEFORE)
        for call in calls():
            for name in [name for name in made if name <= call["call"]]:
                for namespace, path, body in made.pop(name):
                    method = "POST" if "status" in body else "PUT"
                    reply = await self.world.ask(method, path, body, key=key_of(namespace))
                    assert reply.status == 200, (path, reply)
            expected = sent.get(call["call"], [])
            for value in expected:
                await self._ensure_version(value["action"])
            self._answers, self._told = list(ended.get(call["call"], ())), {}
            before = len(self.world.invoker.published)
            reply = await self._ask(call)
            await self._published(before + len(expected))
            mine = self.world.invoker.published[before:]
            if expected and reply.status != 404:
                assert len(mine) == len(expected), (call["call"], reply)
                for theirs, message in zip(in_order(expected), in_order(mine), strict=True):
                    self._compare(call["call"], theirs, message)
            if reply.status == call["status"] and call["call"] not in TOGETHER:
                self._compare_told(call["call"], told_then.get(call["call"], {}))

    async def _published(self, count: int) -> None:
        """What follows an answer needs a moment."""
        for _ in range(200):
            await asyncio.sleep(0.005)
            if len(self.world.invoker.published) >= count:
                break
        await asyncio.sleep(0.01)
        await self.world.application.api.firing.finish()

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

    def _compare(self, call: str, theirs: dict[str, Any], mine: dict[str, Any]) -> None:
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
            content.pop("__ow_headers", None)  # of a web action or a trigger: the client's own
            content.update({name: "locked" for name in each["lockedArgs"] if isinstance(content[name], str)})
        rest = [name for name in mine if name not in OWN]
        assert {name: mine[name] for name in rest} == {name: theirs[name] for name in rest}, call
        self.compared.add(call)

    def _compare_told(self, call: str, theirs: dict[str, list[str]]) -> None:
        for what in ("forget", "events"):
            assert sorted(self._told.get(what, [])) == sorted(theirs.get(what, [])), (call, what)
        self.told_the_same.add(call)


def in_order(values: list[Any]) -> list[dict[str, Any]]:
    """As JSON, in an order that does not depend on what ran beside what."""
    plain = [
        json.loads(to_payload(value.to_json() if isinstance(value, ActivationMessage) else value)) for value in values
    ]
    return sorted(plain, key=lambda value: (len(str(shape(value["transid"]))), value["action"]["name"]))


def recorded_documents() -> dict[str, dict[str, Any]]:
    """By id, what the calls that are played left in the database."""
    played = {call["call"] for call in calls()} - MADE_BEFORE.keys() | {"R001", "R041"}
    found = {}
    for name in ("actions", "actions_blackbox", "sequences", "packages", "bindings", "triggers", "rules"):
        for entry in json.loads((FOLDER / "couchdb" / f"{name}.json").read_text()):
            if entry["call"] in played:
                found[entry["doc"]["_id"]] = entry["doc"]
    return found


def comparable(document: dict[str, Any]) -> dict[str, Any]:
    """Without time, revision, ciphers and the form in which small code is kept."""
    own = {"_rev": 0, "updated": 0, "_attachments": 0}
    changed = {**document, **own, "exec": {**document.get("exec", {}), "code": 0}}
    for name in {"parameters", "annotations"} & document.keys():
        entries = [{**entry, "value": "locked"} if "encryption" in entry else entry for entry in document[name]]
        changed[name] = sorted(entries, key=lambda entry: str(entry["key"]))
    return changed


def test_what_the_same_call_leaves_on_topics_and_in_the_database_is_the_same() -> None:
    async def play() -> Replay:
        limits = evolve(UNLIMITED, bounds=LimitBounds(concurrency=Bounds(1, 1, 4)))
        replay = Replay(World(RestSettings(limits=limits)))
        await replay.run()
        return replay

    replay = asyncio.run(play())
    kept = recorded_documents()
    for doc_id, document in kept.items():
        assert comparable(asyncio.run(replay.world.store.entities.get(doc_id))) == comparable(document), doc_id
    assert len(kept) > 30
    assert len(replay.compared) > 80, (len(replay.compared), sorted(replay.compared))
    assert replay.compared >= {"R041", "R045", "R056", "R450", "R716", "R724", "R727", "R732"}
    assert len(replay.told_the_same) > 90, len(replay.told_the_same)
