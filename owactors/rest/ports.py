"""What the HTTP API needs of the rest of a controller; an actor or a test fills these ports.

The stores have the shapes that owactors.store.port describes in full; here are the parts that are used.
Stores raise `NoDocument`, `DocumentConflict` and `StoreUnavailable` of owactors.message.store.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from attrs import define, field, frozen

from owactors.core.controller.entitlement import Grants
from owactors.core.controller.limitcheck import SystemLimits
from owactors.core.controller.throttle import Throttles
from owactors.entity.action import WhiskAction
from owactors.entity.activation import WhiskActivation
from owactors.entity.identity import Identity
from owactors.entity.instance import ControllerInstanceId
from owactors.entity.manifest import ExecManifest
from owactors.entity.parameters import Parameters
from owactors.message.activation import ActivationMessage
from owactors.message.event import EventBody

Json = dict[str, Any]
Rows = list[Json]


class Entities(Protocol):
    """Actions, packages, triggers and rules by document id."""

    async def get(self, doc_id: str) -> Json: ...

    async def put(self, document: Json) -> str: ...

    async def delete(self, doc_id: str, rev: str) -> None: ...

    async def attach(self, doc_id: str, rev: str, name: str, content_type: str, data: bytes) -> str: ...

    async def attachment(self, doc_id: str, name: str) -> tuple[str, bytes]: ...

    async def list(
        self, collection: str, namespace: str, *, skip: int = 0, limit: int = 0, docs: bool = False
    ) -> Rows: ...

    async def count(self, collection: str, namespace: str, *, skip: int = 0) -> int: ...


class Activations(Protocol):
    """Activation records, and acceptances of calls that were answered 202."""

    async def accept(self, activation_id: str, namespace: str, message: bytes) -> None: ...

    async def store(self, record: Json) -> None: ...

    async def get(self, namespace: str, activation_id: str) -> Json: ...

    async def list(
        self,
        namespace: str,
        *,
        name: str | None = None,
        skip: int = 0,
        limit: int = 0,
        since: int | None = None,
        upto: int | None = None,
        docs: bool = False,
    ) -> Rows: ...

    async def count(
        self,
        namespace: str,
        *,
        name: str | None = None,
        skip: int = 0,
        since: int | None = None,
        upto: int | None = None,
    ) -> int: ...


class Subjects(Protocol):
    """Identity rows `{subject, namespace, uuid, key, limits}`."""

    async def by_key(self, uuid: str, key: str) -> Rows: ...

    async def by_namespace(self, namespace: str) -> Rows: ...


class LoadBalancerRefused(Exception):
    """No invoker can take the activation now: 503."""


class MessageTooLarge(Exception):
    """The activation's message does not fit the bus: 413."""


class Publisher(Protocol):
    """The way to the load balancer."""

    def publish(
        self, message: ActivationMessage, action: WhiskAction, blocking: bool
    ) -> Awaitable[WhiskActivation | None]:
        """Hands an activation to an invoker. `action` has no code but exec, limits and annotations.

        blocking: completes with the record, or with None when the acknowledgement has only the id (the record is
        then looked for in the store). Not blocking: completes with None once the message is on its way.
        LoadBalancerRefused, MessageTooLarge. Giving up waiting (cancelling) does not stop the activation.
        """

    def in_flight(self, namespace_uuid: str) -> int:
        """Activations of a namespace that have begun and not ended, as far as this controller knows."""

    def invoker_states(self) -> Mapping[str, str]:
        """Invoker, such as "invoker0/…", to `up`, `unhealthy`, `unresponsive` or `down`."""

    def active(self) -> Mapping[str, str]:
        """Activation id to "ns/action@version" of what is in flight on this controller."""


@frozen
class RestSettings:
    """What can be chosen about the API. Times in seconds, sizes in bytes."""

    limits: SystemLimits = SystemLimits()
    blocking_wait: float = 60.0
    transaction_header: str = "X-Request-ID"
    max_inline_code: int = 16 * 1024
    max_body: int = 50 * 1000 * 1000
    max_uri: int = 8192
    polling_from_store: bool = True
    #: when to look for a record whose acknowledgement had only its id, counted from that moment
    quick_polls: tuple[float, ...] = (1.0, 3.0, 5.0, 7.0)
    slow_poll: float = 15.0
    identity_ttl: float = 300.0
    entity_ttl: float = 300.0
    kinds_whitelist: frozenset[str] = frozenset()
    execute_only_shared_packages: bool = False
    #: false: neither acceptances nor trigger records are kept for calls that nobody waits for
    store_non_blocking: bool = True
    #: false: PUT answers 200 and DELETE 204 without a body
    response_payload: bool = True
    #: false: new actions get no annotation `provide-api-key`
    api_key_annotation: bool = True
    build: str = "???"
    build_number: str = "standalone"
    admin_user: str = "controller.user"
    admin_password: str = field(default="controller.pass", repr=False)


@define
class Services:
    """Everything the API is built on. `now` gives epoch milliseconds, `monotonic` seconds."""

    entities: Entities
    activations: Activations
    subjects: Subjects
    publisher: Publisher
    manifest: ExecManifest
    settings: RestSettings
    throttles: Throttles
    now: Callable[[], int]
    monotonic: Callable[[], float]
    instance: ControllerInstanceId = ControllerInstanceId("0")
    grants: Grants = field(factory=Grants)
    #: locks parameters that are about to be stored
    lock: Callable[[Parameters], Parameters] = lambda parameters: parameters
    #: told of every change of an action, package or trigger: other controllers drop it from their caches
    changed: Callable[[str], None] = lambda doc_id: None
    #: told of every activation that ended here, and of what the throttles count; None where nobody wants to know
    event: Callable[[Identity, EventBody], None] | None = None
    #: Prometheus text for GET /metrics, None where metrics are off
    metrics: Callable[[], bytes] | None = None
    #: what POST /disable does, None where that is not offered
    disable: Callable[[], None] | None = None
    #: told of every answer: method, path, status, milliseconds, transaction id
    answered: Callable[[str, str, int, float, str], None] | None = None
