"""The HTTP API over a memory store and a publisher that runs Python functions for actions."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Callable, Coroutine, Iterator
from itertools import count
from typing import Any

from attrs import define, field

from owactors.core.controller.throttle import Throttles
from owactors.entity.action import WhiskAction
from owactors.entity.activation import ActivationResponse, WhiskActivation
from owactors.entity.manifest import ExecManifest
from owactors.entity.parameters import Parameters
from owactors.entity.transaction import TransactionId
from owactors.message.activation import ActivationMessage
from owactors.rest.answer import Answer
from owactors.rest.application import Application
from owactors.rest.ports import RestSettings, Services
from owactors.rest.request import Request
from owactors.store.memory.store import MemoryStore

Body = Callable[[Any], Any]
KEY = "k" * 64
MANIFEST = {
    "runtimes": {
        "nodejs": [
            {
                "kind": "nodejs:20",
                "default": True,
                "image": {"prefix": "openwhisk", "name": "action-nodejs-v20", "tag": "nightly"},
                "deprecated": False,
            }
        ]
    },
    "blackboxes": [],
}


class Refused(Exception):
    """A body raises it: publishing fails."""


@define
class Functions:
    """A publisher: actions are Python functions by name; a result with `error` is an application error.

    A body may be a coroutine function, return an ActivationResponse, or raise Refused.
    """

    bodies: dict[str, Body] = field(factory=dict)
    messages: list[ActivationMessage] = field(factory=list)
    #: names of actions whose acknowledgement never comes
    silent: set[str] = field(factory=set)
    running: set[asyncio.Future[Any]] = field(factory=set)

    def publish(
        self, message: ActivationMessage, action: WhiskAction, blocking: bool
    ) -> asyncio.Future[WhiskActivation | None]:
        self.messages.append(message)
        running = asyncio.ensure_future(self._run(message, action))
        self.running.add(running)
        return running

    async def _run(self, message: ActivationMessage, action: WhiskAction) -> WhiskActivation | None:
        if message.action.name in self.silent:
            await asyncio.Event().wait()
        result = self.bodies[message.action.name](message.content)
        if asyncio.iscoroutine(result):
            result = await result
        return record_of(message, action, result)

    def in_flight(self, namespace_uuid: str) -> int:
        return 0

    def invoker_states(self) -> dict[str, str]:
        return {}

    def active(self) -> dict[str, str]:
        return {}


def record_of(message: ActivationMessage, action: WhiskAction, result: Any) -> WhiskActivation:
    failed = isinstance(result, dict) and "error" in result
    response = result if isinstance(result, ActivationResponse) else ActivationResponse(1 if failed else 0, result)
    annotations: dict[str, Any] = {"limits": action.limits.to_json(), "path": action.doc_id}
    if message.cause is not None:
        annotations["causedBy"] = "sequence"
    return WhiskActivation(
        namespace=message.user.namespace.name,
        name=action.name,
        subject=message.user.subject,
        activation_id=message.activation_id,
        start=1000,
        end=1005,
        response=response,
        annotations=Parameters.of(annotations),
        duration=5,
        cause=message.cause,
    )


@define
class Bench:
    """An application, its store and its functions."""

    store: MemoryStore = field(factory=MemoryStore)
    functions: Functions = field(factory=Functions)
    settings: RestSettings = RestSettings()
    throttles: Throttles = field(factory=lambda: Throttles(10_000, 10_000, 10_000))
    application: Application = field(init=False)
    ids: Iterator[int] = field(factory=count)

    def __attrs_post_init__(self) -> None:
        self.application = Application(
            Services(
                entities=self.store.entities,
                activations=self.store.activations,
                subjects=self.store.subjects,
                publisher=self.functions,
                manifest=ExecManifest.from_json(MANIFEST),
                settings=self.settings,
                throttles=self.throttles,
                now=lambda: int(time.time() * 1000),
                monotonic=time.monotonic,
            )
        )

    async def subject(self, namespace: str, limits: dict[str, Any] | None = None) -> None:
        """Creates a namespace with its own key."""
        await self.store.subjects.put(
            {
                "_id": f"{namespace}-subject",
                "subject": f"{namespace}-subject",
                "namespaces": [{"name": namespace, "uuid": f"uuid-{namespace}", "key": KEY}],
            }
        )
        if limits is not None:
            await self.store.subjects.put({"_id": f"{namespace}/limits", **limits})

    async def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        user: str | None = "guest",
        headers: dict[str, str] | None = None,
        raw: bytes | None = None,
    ) -> Answer:
        """Sends a request; `user` None sends no credentials."""
        sent = {name.lower().encode(): value.encode() for name, value in (headers or {}).items()}
        content = b""
        if raw is not None:
            content = raw
        elif body is not None:
            content = json.dumps(body).encode()
            sent.setdefault(b"content-type", b"application/json")
        if user is not None:
            sent[b"authorization"] = b"Basic " + base64.b64encode(f"uuid-{user}:{KEY}".encode())
        return await self.anywhere(method, f"/api/v1{path}", sent, content)

    async def anywhere(
        self, method: str, path: str, sent: dict[bytes, bytes] | None = None, content: bytes = b""
    ) -> Answer:
        """Sends a request to any path of the server."""
        where, _, query = path.partition("?")
        transid = TransactionId(f"t{next(self.ids)}", int(time.time() * 1000))
        request = Request(method, where, query.encode(), sent or {}, content, transid)
        return await self.application.answer(request)

    async def web(self, method: str, path: str, body: Any = None, **more: Any) -> Answer:
        """A web request without credentials, unless `user` names some."""
        more.setdefault("user", None)
        return await self.request(method, f"/web{path}", body, **more)

    async def function(self, name: str, body: Body, annotations: dict[str, Any] | None = None, **more: Any) -> None:
        """Creates an action that runs `body`; `name` may be "pkg/name"."""
        self.functions.bodies[name.rpartition("/")[2]] = body
        await self.put(name, {"kind": "nodejs:20", "code": "-"}, annotations, **more)

    async def sequence(self, name: str, *components: str, annotations: dict[str, Any] | None = None) -> None:
        """Creates a sequence."""
        await self.put(name, {"kind": "sequence", "components": list(components)}, annotations)

    async def put(self, name: str, code: dict[str, Any], annotations: dict[str, Any] | None, **more: Any) -> None:
        listed = [{"key": key, "value": value} for key, value in (annotations or {}).items()]
        path = f"/namespaces/_/actions/{name}?overwrite=true"
        answer = await self.request("PUT", path, {"exec": code, "annotations": listed, **more})
        assert answer.status == 200, answer.body

    async def record(self, activation_id: str) -> dict[str, Any]:
        return await self.store.activations.get("guest", activation_id)


def shown(answer: Answer) -> Any:
    """The JSON of an answer."""
    return json.loads(answer.body)


def header(answer: Answer, name: str) -> str | None:
    """The value of a header."""
    return next((value.decode() for key, value in answer.headers if key == name.encode()), None)


def played(scene: Callable[[Bench], Coroutine[Any, Any, None]], bench: Bench | None = None) -> None:
    """Plays a scene on a bench with the namespace guest."""

    async def whole() -> None:
        stage = bench or Bench()
        await stage.subject("guest")
        await scene(stage)

    asyncio.run(whole())
