"""The store of a controller whose documents are in another host: every question goes there, as a message.

Records wait here while that host is away, as an invoker's do; everything else is refused then, at once as soon as that
is known. What its controller tells of a call that it accepted carries a mark, so that each ends its own.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any, cast

from attrs import field, frozen
from thespian.actors import ActorAddress

from owactors.actor.io import on
from owactors.actor.storeclient import StoreClient, StoreSilent, StoreUser
from owactors.core.acceptedby import Acceptor
from owactors.message.store import Acceptance, RecordEntry, StoreUnavailable
from owactors.message.storecall import METHODS, CallStore, GetUnfinished, StoreReturned
from owactors.store.document import identity_of
from owactors.store.entities import check_collection
from owactors.store.port import ActivationStore, EntityStore, Json, Rows, SubjectStore
from owactors.store.record import entry_of, row_of

#: seconds that a question waits for an answer, and after which it is asked again
PATIENCE, REPEAT = 5.0, 1.0
#: whole documents and whole records in one message; a record may have 1 MB of result and 10 MB of logs
ENTITIES, RECORDS = 40, 4


class RemoteStore:
    """A `Store` (see `owactors.store.port`). Usable once the messenger has attached its client."""

    def __init__(self, keeper: str, controller: str) -> None:
        """`keeper` is the controller that has the documents, `controller` the one that asks."""
        self._keeper = keeper
        self.acceptor = Acceptor(controller, uuid.uuid4().hex[:12])
        self._client: StoreClient | None = None
        self._probe: Callable[[], None] = lambda: None
        self._away, self._attached = False, asyncio.Event()
        self.entities = cast(EntityStore, _Entities(self, "entities"))
        self.subjects = cast(SubjectStore, _Database(self, "subjects"))
        self.activations = cast(ActivationStore, _Activations(self))

    def attach(self, client: StoreClient, probe: Callable[[], None]) -> None:
        """`probe` begins to look for the keeper until `returned` says that it is back."""
        self._client, self._probe = client, probe
        self._attached.set()

    async def attached(self) -> None:
        """Returns once it can be used."""
        await self._attached.wait()

    @property
    def client(self) -> StoreClient:
        """StoreUnavailable: not attached yet."""
        if self._client is None:
            raise StoreUnavailable("the store is not open yet")
        return self._client

    @property
    def trouble(self) -> str | None:
        """As the port says."""
        if not self._away:
            return None
        return f"the documents are in the host of controller {self._keeper}, which does not answer"

    def check(self) -> None:
        """StoreUnavailable: the keeper is away."""
        if self._away:
            raise StoreUnavailable(f"{self.trouble}; it works again when that host is back")

    def returned(self) -> None:
        """The keeper answers again."""
        self._away = False

    def went(self) -> None:
        """The keeper is silent."""
        if not self._away:
            self._away = True
            self._probe()

    async def call(self, database: str, method: str, *arguments: Any, **options: Any) -> Any:
        """What the method returns there. StoreError."""
        repeats = METHODS[database, method]
        make = partial(CallStore, database=database, method=method, arguments=arguments, options=options)
        return await self.ask(StoreReturned, make, repeats=repeats)

    async def ask(
        self, kind: type[StoreReturned], make: Callable[[int], CallStore | GetUnfinished], *, repeats: bool
    ) -> Any:
        """The value that comes back. StoreError."""
        return (await self.watched(self.client.ask(kind, make, repeats=repeats))).value

    async def watched(self, question: Coroutine[Any, Any, Any]) -> Any:
        """The outcome of a question; silence is remembered. StoreError."""
        try:
            self.check()
            return await question
        except StoreSilent as silent:
            self.went()
            raise StoreUnavailable(f"{self.trouble}; it works again when that host is back") from silent
        finally:
            question.close()

    async def close(self) -> None:
        """As the port says."""
        await self.activations.flush()

    def close_now(self) -> None:
        """As the port says: what waits is still in the journals of those who sent it, or ends as lost."""


class _Database:
    """Every method of one database that may be called from afar."""

    def __init__(self, store: RemoteStore, database: str) -> None:
        self._store, self._database = store, database

    def __getattr__(self, method: str) -> Any:
        if (self._database, method) not in METHODS:
            raise AttributeError(f"no {method} of {self._database} from afar")
        return partial(self._store.call, self._database, method)

    async def put(self, document: Json) -> str:
        identity_of(document)
        revision: str = await self._store.call(self._database, "put", document)
        return revision

    async def _list(
        self, page: int, *key: str, docs: bool = False, skip: int = 0, limit: int = 0, **query: Any
    ) -> Rows:
        """Whole documents come by pages, each of which is small enough for one message."""
        ask = partial(self._store.call, self._database, "list", *key, docs=docs, **query)
        rows: Rows = []
        while True:
            wanted = min(page, limit - len(rows)) if limit else page
            found: Rows = await ask(skip=skip + len(rows), limit=wanted if docs else limit)
            rows += found
            if not docs or len(found) < wanted or len(rows) == limit:
                return rows


class _Entities(_Database):
    async def list(self, collection: str, namespace: str, **query: Any) -> Rows:
        check_collection(collection)
        return await self._list(ENTITIES, collection, namespace, **query)

    async def count(self, collection: str, namespace: str, **query: Any) -> int:
        check_collection(collection)
        number: int = await self._store.call("entities", "count", collection, namespace, **query)
        return number


class _Activations(_Database):
    """Records go out in batches; until they are confirmed they are found here."""

    def __init__(self, store: RemoteStore) -> None:
        super().__init__(store, "activations")

    async def accept(self, activation_id: str, namespace: str, message: bytes) -> None:
        if self._waiting(namespace, activation_id) is not None:
            return
        client, marked = self._store.client, self._store.acceptor.mark(message)
        self._store.check()
        try:
            await self._store.watched(client.accept(activation_id, namespace, marked))
        except StoreUnavailable:
            # it is refused, and may be kept there all the same
            client.turn(partial(client.dismiss, namespace, activation_id))
            raise

    async def store(self, record: Json) -> None:
        await self.store_all((entry_of(record),))

    async def store_all(self, entries: Sequence[RecordEntry]) -> None:
        client = self._store.client
        client.turn(lambda: client.add(entries))
        await self.flush()

    def store_soon(self, record: Json) -> None:
        self._store.client.store_soon(record)

    async def dismiss(self, keys: Sequence[tuple[str, str]]) -> None:
        client = self._store.client
        for key in keys:
            client.turn(partial(client.dismiss, *key))
        await self.flush()

    async def flush(self) -> None:
        """StoreUnavailable: what waits goes there when the keeper is back."""
        try:
            async with asyncio.timeout(PATIENCE):
                await self._store.client.flush()
        except TimeoutError:
            self._store.went()
            self._store.check()

    async def get(self, namespace: str, activation_id: str) -> Json:
        waiting = self._waiting(namespace, activation_id)
        if waiting is not None:
            return row_of(waiting, docs=True)
        record: Json = await self._store.call("activations", "get", namespace, activation_id)
        return record

    async def list(self, namespace: str, **query: Any) -> Rows:
        await self._settled(namespace)
        if query.get("docs") and not query.get("skip") and query.get("upto") is None:
            newest = await self._list(RECORDS, namespace, **{**query, "docs": False, "limit": 1})
            # what begins between two pages would move the others
            query["upto"] = newest[0]["start"] if newest else None
        return await self._list(RECORDS, namespace, **query)

    async def count(self, namespace: str, **query: Any) -> int:
        await self._settled(namespace)
        number: int = await self._store.call("activations", "count", namespace, **query)
        return number

    async def unfinished(self) -> tuple[Acceptance, ...]:
        make = partial(GetUnfinished, controller=self._store.acceptor.controller)
        found: tuple[Acceptance, ...] = await self._store.ask(StoreReturned, make, repeats=True)
        return tuple(one for one in found if self._waiting(one.namespace, one.activation_id) is None)

    async def remove_before(self, namespace: str, start: int, most: int) -> int:
        removed: int = await self._store.call("activations", "remove_before", namespace, start, most)
        return removed

    def _waiting(self, namespace: str, activation_id: str) -> RecordEntry | None:
        return self._store.client.outbox.find(namespace, activation_id)

    async def _settled(self, namespace: str) -> None:
        """What is on its way belongs into lists: they wait for it."""
        if self._store.client.outbox.waits_for(namespace):
            await self.flush()


@frozen(eq=False)
class ReachStore:
    """To the messenger: carry the questions of this store, of the same process, to this actor."""

    store: RemoteStore = field(repr=False)
    keeper: ActorAddress


@frozen
class _Probe:
    """To self: is the keeper back?"""


@frozen
class _Back:
    """To self: it is."""


def _outcome(cause: BaseException) -> _Probe | _Back:
    """A refusal is an answer, too."""
    return _Probe() if isinstance(cause, StoreSilent) else _Back()


class StoreMessenger(StoreUser):
    """The actor from which the questions of a RemoteStore go out."""

    @on(ReachStore)
    def reach(self, message: ReachStore, sender: ActorAddress) -> None:
        self._remote = message.store
        self.use_store(message.keeper)
        self.store.patience, self.store.repeat = PATIENCE, REPEAT
        self._remote.attach(self.store, lambda: self.into_turn(lambda: self.probe(_Probe(), self.myAddress)))

    @on(_Probe)
    def probe(self, message: _Probe, sender: ActorAddress) -> None:
        question = self.store.ask(StoreReturned, partial(CallStore, database="entities", method="ids"), repeats=True)
        self.spawn(question, done=lambda _: _Back(), failed=_outcome, name="probe")

    @on(_Back)
    def back(self, message: _Back, sender: ActorAddress) -> None:
        self._remote.returned()
        self.store.due()
