"""The batcher: takes the records of an invoker's activations and sees that the store actor gets them.

(OpenWhisk, ArtifactActivationStore.scala and Batcher.scala.)
"""

from __future__ import annotations

from attrs import frozen
from thespian.actors import ActorAddress

from owactors.actor.io import on
from owactors.actor.storeclient import StoreUser
from owactors.core.storepolicy import StorePolicy
from owactors.message.container import StoreActivation
from owactors.message.store import StoreUnavailable


@frozen
class BatcherSetup:
    """To the batcher, first: where the store actor is, and which records are kept. Again when the store moved."""

    store: ActorAddress
    policy: StorePolicy = StorePolicy()


@frozen
class FlushRecords:
    """To the batcher. RecordsFlushed comes back when everything told to it before is on disk."""


@frozen
class RecordsFlushed:
    """The answer."""


@frozen
class _Flushed:
    """To self."""

    asker: ActorAddress


class Batcher(StoreUser):
    """StoreActivation in, StoreRecords out; nothing is forgotten before the store has confirmed it."""

    def __init__(self) -> None:
        super().__init__()
        self._policy = StorePolicy()
        self._ready_for_records = False

    @on(BatcherSetup)
    def setup(self, message: BatcherSetup, sender: ActorAddress) -> None:
        self._policy = message.policy
        self.use_store(message.store)
        self._ready_for_records = True
        self.unstash_all()

    @on(StoreActivation)
    def store_activation(self, message: StoreActivation, sender: ActorAddress) -> None:
        if not self._ready_for_records:
            self.stash()
            return
        activation, extra = message.activation, message.transid.extra_logging
        if self._policy.keeps(activation, message.user, blocking=message.blocking, extra_logging=extra):
            self._keep(message)
        elif not message.blocking:
            self.store.dismiss(activation.namespace, activation.activation_id)

    def _keep(self, message: StoreActivation) -> None:
        try:
            self.store.store_soon(message.activation.to_json())
        except StoreUnavailable as refusal:
            self.log.error("no record of %s: %s", message.activation.activation_id, refusal.reason)

    @on(FlushRecords)
    def flush(self, message: FlushRecords, sender: ActorAddress) -> None:
        if self._ready_for_records:
            self.spawn(self.store.flush(), done=lambda _: _Flushed(sender))
        else:
            self.tell(sender, RecordsFlushed())

    @on(_Flushed)
    def flushed(self, message: _Flushed, sender: ActorAddress) -> None:
        self.tell(message.asker, RecordsFlushed())
