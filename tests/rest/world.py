"""A controller in this process: the application over stores in memory, and an invoker that is a function."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from attrs import define, field

from owactors.core.controller.limitcheck import SystemLimits
from owactors.core.controller.throttle import Throttles
from owactors.entity.action import WhiskAction
from owactors.entity.activation import ActivationResponse, WhiskActivation
from owactors.entity.manifest import ExecManifest
from owactors.entity.parameters import Parameters
from owactors.message.activation import ActivationMessage
from owactors.rest.application import Application
from owactors.rest.ports import RestSettings, Services
from owactors.store.memory.store import MemoryStore
from tests.rest.replay.cases import manifest
from tests.rest.replay.talking import InProcess, Reply, Sent, authorization

GUEST = "23bc46b1-71f6-4ed5-8c54-816aa4f8c502:123zO3xZCLrMN6v2BKK1dXYFpXlPkccOFqm12CdAsMgRU4VrNZ9lyGVCGuMDGIwP"
SYSTEM = "789c46b1-71f6-4ed5-8c54-816aa4f8c502:abczO3xZCLrMN6v2BKK1dXYFpXlPkccOFqm12CdAsMgRU4VrNZ9lyGVCGuMDGIwP"
ALICE = "aaaa46b1-71f6-4ed5-8c54-816aa4f8c502:" + "a" * 64
UNLIMITED = SystemLimits(invocations_per_minute=10_000_000, concurrent_invocations=10_000, fires_per_minute=10_000_000)

Behaviour = Callable[[ActivationMessage, WhiskAction], ActivationResponse]


def echo(message: ActivationMessage, action: WhiskAction) -> ActivationResponse:
    """An action that returns its arguments."""
    size = len(json.dumps(message.content, separators=(",", ":")))
    return ActivationResponse.success(message.content, size)


def record_of(message: ActivationMessage, action: WhiskAction, response: ActivationResponse) -> WhiskActivation:
    """The record an invoker would write."""
    annotations: dict[str, Any] = {
        "path": action.doc_id,
        "waitTime": 3,
        "kind": action.exec.kind,
        "timeout": False,
        "limits": action.limits.to_json(),
        "initTime": 20,
    }
    if message.action.binding is not None:
        annotations["binding"] = message.action.binding
    start = message.transid.start
    return WhiskActivation(
        namespace=message.user.namespace.name,
        name=message.action.name,
        subject=message.user.subject,
        activation_id=message.activation_id,
        start=start,
        end=start + 5,
        duration=5,
        response=response,
        version=str(message.action.version),
        annotations=Parameters.of(annotations),
        cause=message.cause,
    )


@define
class FakeInvoker:
    """Fills the port Publisher: runs `behaviour` at once; `hold` makes it wait, `refuse` makes it fail."""

    store: MemoryStore
    behaviour: Behaviour = echo
    published: list[ActivationMessage] = field(factory=list)
    hold: asyncio.Event | None = None
    refuse: Exception | None = None
    #: False: the acknowledgement has only the id
    with_record: bool = True
    keep_records: bool = True
    counts: dict[str, int] = field(factory=dict)
    states: dict[str, str] = field(factory=dict)
    running: dict[str, str] = field(factory=dict)

    def publish(
        self, message: ActivationMessage, action: WhiskAction, blocking: bool
    ) -> Awaitable[WhiskActivation | None]:
        return self._run(message, action)

    async def _run(self, message: ActivationMessage, action: WhiskAction) -> WhiskActivation | None:
        self.published.append(message)
        if self.refuse is not None:
            raise self.refuse
        if self.hold is not None:
            await self.hold.wait()
        record = record_of(message, action, self.behaviour(message, action))
        if self.keep_records:
            await self.store.activations.store(record.to_json())
        return record if message.blocking and self.with_record else None

    def in_flight(self, namespace_uuid: str) -> int:
        return self.counts.get(namespace_uuid, 0)

    def invoker_states(self) -> dict[str, str]:
        return self.states

    def active(self) -> dict[str, str]:
        return self.running


@define
class Clock:
    """Time that tests set: `ms` since the epoch, `seconds` of the monotonic clock."""

    ms: int = 1_700_000_000_000
    seconds: float = 1000.0


def subject(name: str, key: str) -> dict[str, Any]:
    """A subject's document with one namespace of the same name."""
    uuid, _, secret = key.partition(":")
    return {"_id": name, "subject": name, "namespaces": [{"name": name, "uuid": uuid, "key": secret}]}


class World:
    """The application, what is around it, and a client."""

    def __init__(self, settings: RestSettings | None = None, clock: Clock | None = None) -> None:
        self.clock = clock or Clock()
        self.store = MemoryStore()
        self.invoker = FakeInvoker(self.store)
        settings = settings or RestSettings(limits=UNLIMITED)
        limits = settings.limits
        self.services = Services(
            entities=self.store.entities,
            activations=self.store.activations,
            subjects=self.store.subjects,
            publisher=self.invoker,
            manifest=ExecManifest.from_json(manifest()),
            settings=settings,
            throttles=Throttles(limits.invocations_per_minute, limits.concurrent_invocations, limits.fires_per_minute),
            now=lambda: self.clock.ms,
            monotonic=lambda: self.clock.seconds,
        )
        self.application = Application(self.services)
        self.transport = InProcess(self.application)

    async def open(self) -> World:
        """Adds the subjects guest, alice and whisk.system."""
        for name, key in (("guest", GUEST), ("whisk.system", SYSTEM), ("alice", ALICE)):
            await self.store.subjects.put(subject(name, key))
        return self

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = GUEST,
        headers: dict[str, str] | None = None,
        raw: bytes | None = None,
    ) -> Reply:
        """A request; paths that do not start with a slash are below the caller's namespace."""
        sent = dict(headers or {})
        content = raw
        if body is not None:
            content = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        if key is not None:
            sent["Authorization"] = str(authorization("user", key))
        target = path if path.startswith("/") else f"/api/v1/namespaces/_/{path}"
        return await self.transport.send(Sent(method, target, sent, content))

    async def make_action(self, name: str, *, key: str = GUEST, **fields: Any) -> None:
        """Creates an action of a Node.js kind."""
        body = {"exec": {"kind": "nodejs:20", "code": "function main(p){return p}"}, **fields}
        reply = await self.ask("PUT", f"actions/{name}", body, key=key)
        assert reply.status == 200, reply


class Bent:
    """A store with some of its methods replaced."""

    def __init__(self, inner: Any, **methods: Any) -> None:
        self._inner = inner
        self._methods = methods

    def __getattr__(self, name: str) -> Any:
        return self._methods.get(name) or getattr(self._inner, name)
