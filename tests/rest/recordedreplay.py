"""Plays the recorded calls in a controller of this process, and compares what follows, value by value.

Ids are different by nature: each recorded one is paired with ours, and must stay so wherever it is named again. Only
the types of times are compared. Locked values are compared by what they lock.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
from typing import Any

from attrs import define, evolve, field

from owactors.core.parameterencryption import ParameterEncryption
from owactors.entity.action import WhiskAction
from owactors.entity.activation import WhiskActivation
from owactors.entity.instance import ControllerInstanceId
from owactors.entity.semver import SemVer
from owactors.message.activation import ActivationMessage
from owactors.message.cache import CacheInvalidationMessage, CacheKey
from owactors.message.event import EventMessage
from owactors.message.payload import to_payload
from owactors.message.store import NoDocument
from owactors.rest.ports import LoadBalancerRefused
from tests.rest.recordedcalls import RecordedCall, accounts, made_by_controllers, recorded_calls, records
from tests.rest.world import FakeInvoker, World

#: of the original's sample; the second controller of the recording locked with it
KEY = base64.b64decode("AAECAwQFBgcICQoLDA0ODw==")
ENCRYPTION = ParameterEncryption("aes-128", {"aes-128": (KEY,)}, os.urandom)
PYTHON = {"exec": {"kind": "python:3.11", "code": "def main(args): return args"}}
ECHO = {**PYTHON, "parameters": [{"key": "a", "value": "act"}, {"key": "INITP", "value": "in", "init": True}]}
SEQUENCE = {"exec": {"kind": "sequence", "components": ["/_/utils/echo", "/_/hello"]}}
BINDING = {"binding": {"namespace": "guest", "name": "utils"}, "parameters": [{"key": "p", "value": "bind"}]}
ELSEWHERE = ("deverr", "initerr", "big", "sleep1", "exit0", "initslow", "term6", "gone2", "revd")
#: what was made by calls that were kept elsewhere, by the call before which it is needed
MADE_BEFORE: dict[str, list[tuple[str, str, Any]]] = {
    "R001": [("guest", f"actions/{name}", PYTHON) for name in ELSEWHERE],
    "R032": [("guest", "actions/utils/echo", ECHO), ("alice", "packages/ub", BINDING)],
    "R041": [("guest", "actions/seq1", SEQUENCE)],
    "R056": [("guest", "rules/r2", {"status": "inactive"})],
    "R702": [("limited", "triggers/tlim", {})],
}
#: whole numbers that only the moment decides
TIMES = frozenset({"start", "end", "updated", "timestamp", "waitTime"})
Json = dict[str, Any]


@define
class Pairs:
    """Ids of the recording, and ours in their place."""

    ours: dict[str, str] = field(factory=dict)

    def pair(self, theirs: str, mine: str) -> None:
        """From now on these two are the same."""
        assert self.ours.setdefault(theirs, mine) == mine, (theirs, mine)
        assert [each for each in self.ours.values() if each == mine] == [mine], mine

    def with_ours(self, value: Any) -> Any:
        """The recorded value with our ids."""
        text = json.dumps(value)
        for theirs, mine in self.ours.items():
            text = text.replace(theirs, mine)
        return json.loads(text)


@define(eq=False)
class RecordedInvoker(FakeInvoker):
    """Every action ends as the recorded one; `call` says which, and what of it is still to come."""

    call: RecordedCall | None = None
    coming: list[Json] = field(factory=list)
    kept: dict[str, Json] = field(factory=records)
    world: World | None = None

    def begin(self, call: RecordedCall) -> None:
        """What is published from now on is of this call."""
        self.call, self.coming = call, in_order(call.messages)
        self.published.clear()

    async def _run(self, message: ActivationMessage, action: WhiskAction) -> WhiskActivation | None:
        assert self.call is not None
        assert self.world is not None
        if self.call.request["status"] == 503:
            raise LoadBalancerRefused("none is there")
        self.published.append(message)
        theirs = next(each for each in self.coming if each["action"]["name"] == message.action.name)
        self.coming.remove(theirs)
        if message.blocking and self.call.request["status"] == 202 and "cause" not in theirs:
            self.world.clock.seconds += 61
            await asyncio.Event().wait()
        found = self.kept.get(theirs["activationId"])
        if found is None:
            return None
        record = WhiskActivation.from_json(found)
        return evolve(record, activation_id=message.activation_id, cause=message.cause)


@define
class Replay:
    """Plays calls; an action's version is what the recorded message presupposes. `compared` counts what was."""

    world: World
    invoker: RecordedInvoker
    compared: dict[str, int] = field(factory=dict)
    made: dict[str, list[tuple[str, str, Any]]] = field(factory=lambda: dict(MADE_BEFORE))
    pairs: Pairs = field(factory=Pairs)
    enclosing: dict[str, Json] = field(factory=made_by_controllers)
    _forgotten: list[Json] = field(factory=list)
    _events: list[Json] = field(factory=list)
    _counts: dict[str, list[Any]] = field(factory=dict)

    @classmethod
    async def begun(cls, world: World) -> Replay:
        """In a world with everybody who called, and their limits."""
        invoker = RecordedInvoker(world.store, world=world)
        world.services.publisher = world.invoker = invoker
        world.transport.host = "127.0.0.1:10001"
        for document in accounts():
            await world.store.subjects.put(document)
        replay = cls(world, invoker)
        for call in recorded_calls():
            replay._counts.setdefault(call.group, []).extend(_metrics(call.events))
        world.services.changed = replay._changed
        world.services.event = replay._told
        return replay

    def _changed(self, doc_id: str) -> None:
        message = CacheInvalidationMessage(CacheKey(doc_id), str(self.world.services.instance))
        self._forgotten.append(message.to_json())

    def _told(self, user: Any, body: Any) -> None:
        self._events.append(EventMessage.of(self.world.services.instance, body, user, self.world.clock.ms).to_json())
        self._in_flight()

    # -- one call

    async def play(self, call: RecordedCall) -> None:
        """Make it, wait for what follows, compare."""
        await self._make(call)
        await self._ensure_versions(call)
        self.world.clock.ms = call.request["t0"]
        self.world.clock.seconds = max(self.world.clock.seconds, call.request["t0"] / 1000)
        self.world.services.instance = ControllerInstanceId(str(call.request["controller"]))
        self.world.services.lock = ENCRYPTION.lock if call.request["controller"] else lambda parameters: parameters
        self._forgotten.clear()
        self._events.clear()
        self._in_flight(call)
        self.invoker.begin(call)
        reply = await self._ask(call)
        assert reply.status == call.request["status"], (call.name, reply)
        await self._finished(len(call.messages))
        self._compare_messages(call, reply)
        self._compare_told(call)
        await self._compare_records(call)

    def _in_flight(self, call: RecordedCall | None = None) -> None:
        """So many as there were at the next count."""
        call = call or self.invoker.call
        assert call is not None
        coming = self._counts[call.group]
        already = len(_metrics(self._events))
        if already < len(coming):
            value = coming[already]
            self.invoker.counts = {value["userId"]: value["body"]["metricValue"] - 1}

    async def _make(self, call: RecordedCall) -> None:
        for name in [name for name in self.made if name <= call.name]:
            for namespace, path, body in self.made.pop(name):
                self.invoker.begin(call)
                method = "POST" if "status" in body else "PUT"
                reply = await self.world.ask(method, path, body, key=self._key_of(namespace))
                assert reply.status == 200, (path, reply)

    async def _ensure_versions(self, call: RecordedCall) -> None:
        """The calls in between that made another version were kept elsewhere."""
        repository = self.world.application.api.repository
        for action in (message["action"] for message in call.messages):
            try:
                known = await repository.action(f"{action['path']}/{action['name']}")
            except NoDocument:
                assert call.name == "R063", action  # nothing else is made by a call that is not there
                continue
            if str(known.version) != action["version"]:
                await repository.save(evolve(known, version=SemVer.parse(action["version"])))

    async def _ask(self, call: RecordedCall) -> Any:
        headers = {name: value for name, value in call.headers.items() if name not in ("authorization", "host")}
        request = call.request
        key = self._key_of(request["namespace"])
        return await self.world.ask(request["method"], request["path"], call.body, key=key, headers=headers)

    def _key_of(self, namespace: str) -> str:
        spaces = [space for each in accounts() for space in each.get("namespaces", ()) if space["name"] == namespace]
        return f"{spaces[0]['uuid']}:{spaces[0]['key']}"

    async def _finished(self, count: int) -> None:
        """What follows an answer needs a moment."""
        async with asyncio.timeout(20):
            while len(self.invoker.published) < count:
                await asyncio.sleep(0.002)
            await self.world.application.api.firing.finish()
            await self.world.application.api.chains.drain()

    # -- what is compared

    def _compare_messages(self, call: RecordedCall, reply: Any) -> None:
        theirs = in_order(call.messages)
        mine = in_order([json.loads(to_payload(each.to_json())) for each in self.invoker.published])
        assert len(mine) == len(theirs), call.name
        if call.request["tid"]:
            self.pairs.pair(call.request["tid"], reply.header("x-request-id"))
        if call.request["aid"]:
            self.pairs.pair(call.request["aid"], reply.header("x-openwhisk-activation-id"))
        for one, other in zip(theirs, mine, strict=True):
            self._pair(one, other)
            assert comparable(other) == comparable(self.pairs.with_ours(one)), call.name
            assert [*other, *other["user"], *other["action"]] == [*one, *one["user"], *one["action"]], call.name
            self._count("message")

    def _pair(self, theirs: Json, mine: Json) -> None:
        for name in ("activationId", "cause"):
            assert (name in theirs) == (name in mine)
            if name in theirs:
                self.pairs.pair(theirs[name], mine[name])
        for one, other in zip(chain(theirs["transid"]), chain(mine["transid"]), strict=True):
            self.pairs.pair(one, other)

    def _compare_told(self, call: RecordedCall) -> None:
        assert self._forgotten == call.forgotten, call.name
        self._count("forgotten", len(call.forgotten))
        mine, theirs = _metrics(self._events), self._counts[call.group][: len(_metrics(self._events))]
        assert [timeless(each) for each in mine] == [timeless(each) for each in theirs], call.name
        self._count("event", len(mine))
        del self._counts[call.group][: len(mine)]
        ended = [[each for each in some if each["eventType"] == "Activation"] for some in (self._events, call.events)]
        expected = [timeless(self.pairs.with_ours(each)) for each in ended[1]]
        assert [timeless(each) for each in ended[0]] == expected, call.name
        self._count("event", len(ended[0]))

    async def _compare_records(self, call: RecordedCall) -> None:
        """Of those that were kept. Their parts are in our database if they are of this call."""
        for theirs, mine in list(self.pairs.ours.items()):
            document = self.enclosing.pop(theirs, None)
            if document is not None:
                record = await self.world.store.activations.get(document["namespace"], mine)
                kept = WhiskActivation.from_json(record).to_document(0)
                expected = timeless(self.pairs.with_ours({**document, "_rev": None}))
                assert timeless({**kept, "_rev": None}) == expected, call.name
                self._count("record")

    def _count(self, what: str, number: int = 1) -> None:
        self.compared[what] = self.compared.get(what, 0) + number

    def none_left(self) -> None:
        """Everything that was recorded has been compared."""
        assert not any(self._counts.values())
        assert not self.enclosing


def _metrics(events: list[Json]) -> list[Json]:
    return [event for event in events if event["eventType"] == "Metric"]


def chain(transid: list[Any]) -> list[str]:
    """The ids of a transaction, the outermost last."""
    return [transid[0], *(chain(transid[-1]) if isinstance(transid[-1], list) else [])]


def in_order(values: list[Json]) -> list[Json]:
    """In an order that does not depend on what ran beside what."""
    return sorted(values, key=lambda value: (len(chain(value["transid"])), value["action"]["name"]))


def timeless(value: Any) -> Any:
    """With only the types of times; annotations by name."""
    if isinstance(value, list):
        return sorted(map(timeless, value), key=json.dumps) if _notes(value) else [timeless(part) for part in value]
    if not isinstance(value, dict):
        return value
    if value.get("key") in TIMES:
        return {**value, "value": type(value["value"]).__name__}
    timed = TIMES & value.keys() - ({"end"} if value.get("end") == 0 else set())
    return {name: type(part).__name__ if name in timed else timeless(part) for name, part in value.items()}


def _notes(value: list[Any]) -> bool:
    return bool(value) and all(isinstance(each, dict) and "key" in each for each in value)


def comparable(message: Json) -> Json:
    """Without times and the revision; what is locked is shown."""
    content = dict(message.get("content", {}))
    for name, algorithm in message["lockedArgs"].items():
        content[name] = ENCRYPTION.unlocks[algorithm](content[name])
    revision = message["revision"]
    return {**message, "content": content, "revision": len(revision or ""), "transid": shape(message["transid"])}


def shape(transid: list[Any]) -> list[Any]:
    """A transaction with the types of its times."""
    return [
        shape(part) if isinstance(part, list) else part if part is True else type(part).__name__ for part in transid
    ]
