"""The store as an actor of another process sees it: requests are messages, answers resolve futures.

    class Invoker(StoreUser):
        @on(Setup)
        def setup(self, message: Setup, sender: ActorAddress) -> None:
            self.use_store(message.store)

        def fetch(self, doc_id: str) -> None:
            self.spawn(self.store.get(doc_id), done=Fetched, failed=FetchFailed)

Records go out in batches and are kept until the store actor has confirmed them (`core.recordoutbox`).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, TypeVar

from attrs import define, field, frozen
from thespian.actors import ActorAddress

from owactors.actor.io import on
from owactors.actor.turns import Turn, TurnTaker
from owactors.core.recordoutbox import RecordOutbox
from owactors.message.store import (
    AcceptActivation,
    AttachmentFound,
    BlockedNamespaces,
    DocumentFound,
    GetAttachment,
    GetBlockedNamespaces,
    GetDocument,
    GetRecord,
    PutDocument,
    RecordEntry,
    StoreAnswer,
    StoreRefused,
    StoreRequest,
    StoreUnavailable,
)
from owactors.store.record import entry_of

Json = dict[str, Any]
Answer = TypeVar("Answer", bound=StoreAnswer)

#: seconds until a question counts as unanswered, and until records are sent again
PATIENCE = 10.0
#: seconds after which a question is asked again
REPEAT = 2.0
#: seconds in which records gather before a batch goes out
LINGER = 0.01


class StoreSilent(StoreUnavailable):
    """No answer came in time."""


@define
class Batch:
    """How large a batch of records becomes; set before the first actor where the base carries little."""

    bytes: int = 4 * 1024 * 1024


BATCH = Batch()


@frozen
class _SendRecords:
    """To self: the records' timer is due."""


@define(eq=False)
class StoreClient:
    """The port's methods for an actor. Coroutines may run in the actor's loop or in one beside it.

    `send` and `timer` are only called in the actor's turn; `turn` brings a function there.
    """

    send: Callable[[StoreRequest], None]
    timer: Callable[[float], None]
    turn: Callable[[Turn], None]
    outbox: RecordOutbox = field(factory=lambda: RecordOutbox(batch_bytes=BATCH.bytes))
    patience: float = PATIENCE
    repeat: float = REPEAT
    linger: float = LINGER
    _numbers: count[int] = field(factory=lambda: count(1))
    _waiting: dict[int, asyncio.Future[Any]] = field(factory=dict)
    #: who waits for records, in order of the tickets they wait for
    _confirmations: deque[tuple[int, asyncio.Future[None]]] = field(factory=deque)
    _gathering: bool = False

    # -- questions

    async def get(self, doc_id: str) -> Json:
        """As EntityStore.get."""
        answer = await self.ask(DocumentFound, lambda number: GetDocument(number, doc_id))
        return answer.document

    async def put(self, document: Json) -> None:
        """As EntityStore.put, without the new revision."""
        await self.ask(StoreAnswer, lambda number: PutDocument(number, document), repeats=False)

    async def attachment(self, doc_id: str, name: str) -> tuple[str, bytes]:
        """As EntityStore.attachment."""
        answer = await self.ask(AttachmentFound, lambda number: GetAttachment(number, doc_id, name))
        return answer.content_type, answer.data

    async def blocked_namespaces(self) -> frozenset[str]:
        """As SubjectStore.blocked_namespaces."""
        return (await self.ask(BlockedNamespaces, GetBlockedNamespaces)).namespaces

    async def record(self, namespace: str, activation_id: str) -> Json:
        """As ActivationStore.get."""
        answer = await self.ask(DocumentFound, lambda number: GetRecord(number, namespace, activation_id))
        return answer.document

    async def accept(self, activation_id: str, namespace: str, message: bytes) -> None:
        """As ActivationStore.accept."""
        await self.ask(StoreAnswer, lambda number: AcceptActivation(number, activation_id, namespace, message))

    async def ask(self, kind: type[Answer], make: Callable[[int], StoreRequest], *, repeats: bool = True) -> Answer:
        """The answer. The errors of the store; StoreSilent without an answer.

        `repeats`: it may be asked twice, since whoever has the store may have been started anew.
        """
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        number = next(self._numbers)
        self._waiting[number] = future
        question = make(number)
        try:
            async with asyncio.timeout(self.patience):
                return await self._asked(question, future, self.repeat if repeats else None)
        except TimeoutError:
            raise StoreSilent(f"the store did not answer within {self.patience:g} s") from None
        finally:
            del self._waiting[number]

    async def _asked(self, question: StoreRequest, future: asyncio.Future[Answer], repeat: float | None) -> Answer:
        while True:
            self.turn(lambda: self.send(question))
            done, _ = await asyncio.wait([future], timeout=repeat)
            if done:
                return await future

    # -- records

    def store_soon(self, record: Json) -> None:
        """As ActivationStore.store_soon: kept here until it is on disk there. In the actor's turn."""
        self._add(entry_of(record))

    async def store(self, record: Json) -> None:
        """As ActivationStore.store."""
        entry, done = entry_of(record), asyncio.get_running_loop().create_future()
        self.turn(lambda: self._add_and_wait(entry, done))
        await done

    def dismiss(self, namespace: str, activation_id: str) -> None:
        """An accepted call ended without a record that is to be kept. In the actor's turn."""
        self.outbox.dismiss(namespace, activation_id)
        self._gather()

    async def flush(self) -> None:
        """Returns when all records handed over so far are on disk."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.turn(lambda: self._wait(done))
        await done

    def add(self, entries: Sequence[RecordEntry]) -> None:
        """As `store_soon`, for records that are encoded. In the actor's turn. StoreUnavailable."""
        for entry in entries:
            self._add(entry)

    def _add(self, entry: RecordEntry) -> None:
        self.outbox.add(entry)
        self._gather()

    def _add_and_wait(self, entry: RecordEntry, done: asyncio.Future[None]) -> None:
        try:
            self._add(entry)
        except StoreUnavailable as refusal:
            _resolve(done, refusal)
        else:
            self._wait(done)

    def _wait(self, done: asyncio.Future[None]) -> None:
        if len(self.outbox):
            self._confirmations.append((self.outbox.ticket, done))
        else:
            _resolve(done, None)

    def _gather(self) -> None:
        """Starts the timer for the next batch, unless a batch is under way or the timer runs already."""
        if self.outbox.idle and not self._gathering:
            self._gathering = True
            self.timer(self.linger)

    def due(self) -> None:
        """The timer is due: records have gathered, or a batch is to be sent again. In the actor's turn."""
        self._gathering = False
        batch = self.outbox.again() or self.outbox.next_batch(next(self._numbers))
        if batch is not None:
            self.send(batch)
            self.timer(self.patience)  # sent again if no answer comes

    # -- answers

    def answered(self, answer: StoreAnswer) -> None:
        """An answer came. In the actor's turn."""
        future = self._waiting.get(answer.request)
        if future is not None:
            _resolve(future, answer.error if isinstance(answer, StoreRefused) else answer)
        elif isinstance(answer, StoreRefused):
            if self.outbox.refused(answer.request):
                self.timer(self.outbox.rest())
        else:
            self._confirmed(self.outbox.confirmed(answer.request))

    def _confirmed(self, ticket: int | None) -> None:
        if ticket is None:
            return
        while self._confirmations and self._confirmations[0][0] <= ticket:
            _resolve(self._confirmations.popleft()[1], None)
        if len(self.outbox) >= self.outbox.batch_records:
            self.due()
        elif len(self.outbox):
            self._gather()


def _resolve(future: asyncio.Future[Any], outcome: Any) -> None:
    """Ends a future of this loop or of another thread's."""
    loop = future.get_loop()
    if loop is asyncio._get_running_loop():
        _set(future, outcome)
        return
    try:
        loop.call_soon_threadsafe(_set, future, outcome)
    except RuntimeError:
        pass  # that loop is closed: nobody waits any longer


def _set(future: asyncio.Future[Any], outcome: Any) -> None:
    if future.done():
        return
    if isinstance(outcome, BaseException):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)


class StoreUser(TurnTaker):
    """An actor that uses the store through `self.store`, once `use_store` has been called."""

    store: StoreClient

    def use_store(self, address: ActorAddress) -> None:
        """Where the store actor is; again, when it has moved: what is not confirmed goes to the new one."""
        self._store_address = address
        if hasattr(self, "store"):
            self.store.due()
            return
        self.take_turns()
        self.store = StoreClient(
            send=lambda request: self.tell(self._store_address, request),
            timer=lambda seconds: self.start_timer("store records", seconds, _SendRecords()),
            turn=self.into_turn,
        )

    @on(StoreAnswer)
    def _store_answered(self, message: StoreAnswer, sender: ActorAddress) -> None:
        self.store.answered(message)

    @on(_SendRecords)
    def _send_records(self, message: _SendRecords, sender: ActorAddress) -> None:
        self.store.due()
