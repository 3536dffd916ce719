"""An actor that asks the store what it is told to ask; importable from every process of a system."""

from __future__ import annotations

from typing import Any

from attrs import frozen
from thespian.actors import ActorAddress

from owactors.actor.io import on
from owactors.actor.storeclient import StoreUser
from owactors.store.record import entry_of


@frozen
class Use:
    """Use this store actor."""

    store: ActorAddress


@frozen
class Fetch:
    """Get this document; Fetched comes back."""

    doc_id: str


@frozen
class Keep:
    """Store these records, all but the last without waiting; Fetched comes back when all are on disk."""

    records: list[dict[str, Any]]


@frozen
class Fetched:
    """What came of it: a document, or the text of an error."""

    document: object
    error: str = ""


@frozen
class _Say:
    """To self."""

    to: ActorAddress
    what: Fetched


class Asker(StoreUser):
    @on(Use)
    def use(self, message: Use, sender: ActorAddress) -> None:
        self.use_store(message.store)
        self.tell(sender, Fetched(None))

    @on(Fetch)
    def fetch(self, message: Fetch, sender: ActorAddress) -> None:
        self._ask(self.store.get(message.doc_id), sender)

    @on(Keep)
    def keep(self, message: Keep, sender: ActorAddress) -> None:
        for record in message.records[:-1]:
            assert entry_of(record).size
            self.store.store_soon(record)
        self._ask(self.store.store(message.records[-1]), sender)

    def _ask(self, coroutine: Any, sender: ActorAddress) -> None:
        self.spawn(
            coroutine,
            done=lambda document: _Say(sender, Fetched(document)),
            failed=lambda cause: _Say(sender, Fetched(None, str(cause))),
        )

    @on(_Say)
    def say(self, message: _Say, sender: ActorAddress) -> None:
        self.tell(message.to, message.what)
