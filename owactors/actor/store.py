"""The store actor: answers what other actors and processes ask of the store (`owactors.message.store`).

It is given an open store of its own process (`ServeStore`), or told to open one (`OpenStore`). Requests that come
before are answered afterwards. It also removes old records and keeps what `StoreActivation` tells it to keep.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from attrs import evolve, field, frozen
from thespian.actors import ActorAddress

from owactors.actor.io import IoActor, on
from owactors.core.acceptedby import acceptor_of, bare
from owactors.core.storepolicy import StorePolicy
from owactors.message.container import StoreActivation
from owactors.message.store import (
    AcceptActivation,
    Acceptance,
    AttachmentFound,
    BlockedNamespaces,
    DocumentFound,
    GetAttachment,
    GetBlockedNamespaces,
    GetDocument,
    GetRecord,
    PutDocument,
    StoreAnswer,
    Stored,
    StoreError,
    StoreRecords,
    StoreRefused,
    StoreRequest,
    StoreUnavailable,
)
from owactors.message.storecall import METHODS, CallStore, GetUnfinished, StoreReturned
from owactors.store.couchdb.settings import CouchSettings
from owactors.store.open import open_store
from owactors.store.port import Store
from owactors.store.retention import Retention, RetentionSettings, Upkeep


@frozen(eq=False)
class ServeStore:
    """To the store actor of the same process: answer with this store, which its owner closes.

    With `retention` the actor also removes old records.
    """

    store: Store = field(repr=False)
    policy: StorePolicy = StorePolicy()
    retention: RetentionSettings | None = None


@frozen
class OpenStore:
    """To the store actor: open this store, close it at exit. StoreOpened or StoreNotOpened comes back."""

    #: "sqlite", "memory" or "couchdb"
    backend: str
    folder: str
    policy: StorePolicy = StorePolicy()
    retention: RetentionSettings | None = RetentionSettings()
    #: where "couchdb" is
    couchdb: CouchSettings | None = None


@frozen
class StoreOpened:
    """The store serves."""


@frozen
class StoreNotOpened:
    """It cannot; `reason` says why and what to do. Requests are refused with it."""

    reason: str


@frozen
class GetStoreStatus:
    """To the store actor. StoreStatus comes back."""


@frozen
class StoreStatus:
    """How the store is: `trouble` says why it cannot be opened or written, None while all is well."""

    trouble: str | None
    upkeep: Upkeep | None


@frozen(eq=False)
class _Opened:
    """To self."""

    store: Store
    order: OpenStore
    asker: ActorAddress


@frozen
class _NotOpened:
    """To self."""

    reason: str
    asker: ActorAddress


@frozen
class _Answer:
    """To self: what to say to whom."""

    to: ActorAddress
    answer: StoreAnswer


class StoreActor(IoActor):
    """See the module's text."""

    def __init__(self) -> None:
        super().__init__()
        self._store: Store | None = None
        self._refusal: str | None = None
        self._policy = StorePolicy()
        self._retention: Retention | None = None
        self._owned = False

    # -- getting a store

    @on(ServeStore)
    def serve(self, message: ServeStore, sender: ActorAddress) -> None:
        self._begin(message.store, message.policy, message.retention)

    @on(OpenStore)
    def open(self, message: OpenStore, sender: ActorAddress) -> None:
        self.spawn(
            _open(message),
            done=lambda store: _Opened(store, message, sender),
            failed=lambda cause: _NotOpened(str(cause), sender),
        )

    @on(_Opened)
    def opened(self, message: _Opened, sender: ActorAddress) -> None:
        self._owned = True
        self._begin(message.store, message.order.policy, message.order.retention)
        self.tell(message.asker, StoreOpened())

    @on(_NotOpened)
    def not_opened(self, message: _NotOpened, sender: ActorAddress) -> None:
        self._refusal = message.reason
        self.unstash_all()
        self.tell(message.asker, StoreNotOpened(message.reason))

    def _begin(self, store: Store, policy: StorePolicy, retention: RetentionSettings | None) -> None:
        self._store, self._policy, self._refusal = store, policy, None
        if retention is not None:
            self._retention = Retention(store.activations, retention)
            self.spawn(self._retention.run(), name="retention")
        self.unstash_all()

    # -- requests

    @on(GetDocument)
    def get_document(self, message: GetDocument, sender: ActorAddress) -> None:
        self._serve(
            message,
            sender,
            lambda store: store.entities.get(message.doc_id),
            lambda document: DocumentFound(message.request, document),
        )

    @on(PutDocument)
    def put_document(self, message: PutDocument, sender: ActorAddress) -> None:
        self._serve(
            message, sender, lambda store: store.entities.put(message.document), lambda _: Stored(message.request)
        )

    @on(GetAttachment)
    def get_attachment(self, message: GetAttachment, sender: ActorAddress) -> None:
        self._serve(
            message,
            sender,
            lambda store: store.entities.attachment(message.doc_id, message.name),
            lambda found: AttachmentFound(message.request, *found),
        )

    @on(GetBlockedNamespaces)
    def get_blocked_namespaces(self, message: GetBlockedNamespaces, sender: ActorAddress) -> None:
        self._serve(
            message,
            sender,
            lambda store: store.subjects.blocked_namespaces(),
            lambda namespaces: BlockedNamespaces(message.request, namespaces),
        )

    @on(GetRecord)
    def get_record(self, message: GetRecord, sender: ActorAddress) -> None:
        self._serve(
            message,
            sender,
            lambda store: store.activations.get(message.namespace, message.activation_id),
            lambda record: DocumentFound(message.request, record),
        )

    @on(AcceptActivation)
    def accept_activation(self, message: AcceptActivation, sender: ActorAddress) -> None:
        self._serve(
            message,
            sender,
            lambda store: store.activations.accept(message.activation_id, message.namespace, message.message),
            lambda _: Stored(message.request),
        )

    @on(StoreRecords)
    def store_records(self, message: StoreRecords, sender: ActorAddress) -> None:
        self._serve(message, sender, lambda store: keep_records(store, message), lambda _: Stored(message.request))

    # -- the same for a controller without documents of its own

    @on(CallStore)
    def call_store(self, message: CallStore, sender: ActorAddress) -> None:
        self._serve(
            message, sender, lambda store: _called(store, message), lambda value: StoreReturned(message.request, value)
        )

    @on(GetUnfinished)
    def get_unfinished(self, message: GetUnfinished, sender: ActorAddress) -> None:
        self._serve(
            message,
            sender,
            lambda store: _unfinished(store, message.controller),
            lambda found: StoreReturned(message.request, found),
        )

    def _serve(
        self,
        message: StoreRequest,
        sender: ActorAddress,
        ask: Callable[[Store], Coroutine[Any, Any, Any]],
        wrap: Callable[[Any], StoreAnswer],
    ) -> None:
        """Asks the store beside the actor; one answer goes to the sender, whatever comes of it."""
        if self._refusal is not None:
            self.tell(sender, StoreRefused(message.request, StoreUnavailable(self._refusal)))
        elif self._store is None:
            self.stash()
        else:
            self.spawn(
                ask(self._store),
                done=lambda result: _Answer(sender, wrap(result)),
                failed=lambda cause: _Answer(sender, StoreRefused(message.request, _refusal_of(cause))),
            )

    @on(_Answer)
    def answer(self, message: _Answer, sender: ActorAddress) -> None:
        self.tell(message.to, message.answer)

    # -- records of this process's own actors

    @on(StoreActivation)
    def store_activation(self, message: StoreActivation, sender: ActorAddress) -> None:
        """Keeps the record if the namespace and the settings want it; else the acceptance ends all the same."""
        if self._store is None:
            self._without_store(message)
            return
        activations, activation = self._store.activations, message.activation
        extra = message.transid.extra_logging
        if self._policy.keeps(activation, message.user, blocking=message.blocking, extra_logging=extra):
            activations.store_soon(activation.to_json())
        elif not message.blocking:
            self.spawn(activations.dismiss([(activation.namespace, activation.activation_id)]))

    def _without_store(self, message: StoreActivation) -> None:
        if self._refusal is None:
            self.stash()
        else:
            self.log.error("no record of %s: %s", message.activation.activation_id, self._refusal)

    # -- status and end

    @on(GetStoreStatus)
    def status(self, message: GetStoreStatus, sender: ActorAddress) -> None:
        trouble = self._refusal or (self._store.trouble if self._store else "the store is not open yet")
        self.tell(sender, StoreStatus(trouble, self._retention.upkeep if self._retention else None))

    def on_exit(self) -> None:
        """A store of its own is closed here: what was handed over is on disk when the actor is gone."""
        if self._owned and self._store is not None:
            self._store.close_now()


async def _open(order: OpenStore) -> Store:
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(None, open_store, order.backend, Path(order.folder), order.couchdb)


async def keep_records(store: Store, message: StoreRecords) -> None:
    """Does what the message says; on disk on return."""
    if message.entries:
        await store.activations.store_all(message.entries)
    if message.dismissed:
        await store.activations.dismiss(message.dismissed)


async def _called(store: Store, message: CallStore) -> Any:
    """What the method returns."""
    if (message.database, message.method) not in METHODS:
        raise StoreUnavailable(f"{message.database} has no {message.method} for other hosts")
    method = getattr(getattr(store, message.database), message.method)
    return await method(*message.arguments, **message.options)


async def _unfinished(store: Store, controller: str) -> tuple[Acceptance, ...]:
    found = [(one, acceptor_of(one.message)) for one in await store.activations.unfinished()]
    return tuple(
        evolve(one, message=bare(one.message), life=acceptor.life)
        for one, acceptor in found
        if acceptor is not None and acceptor.controller == controller
    )


def _refusal_of(cause: BaseException) -> StoreError:
    if isinstance(cause, StoreError):
        return cause
    return StoreUnavailable(f"the store failed: {cause!r}")
