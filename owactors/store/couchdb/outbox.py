"""Documents on their way to the activations database, many in one request.

One request is under way at a time; what comes meanwhile makes the next one. What nobody waits for lingers a moment
for company, is kept while the server is away, and is tried again. Every document has an id of ours, so that a
request whose answer was lost can be sent again: what is there already is a conflict, and a conflict is success.
(OpenWhisk, Batcher.scala.)
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from typing import Any

from attrs import define, field

from owactors.message.store import RecordEntry, StoreUnavailable
from owactors.store.couchdb.database import CouchDatabase
from owactors.store.couchdb.exchange import Answer
from owactors.store.couchdb.parcel import Key, Parcel, Receipt
from owactors.store.couchdb.records import record_parcel
from owactors.store.couchdb.shrink import smaller

log = logging.getLogger(__name__)

_FIRST_REST, _LONGEST_REST = 0.25, 5.0
_TOO_LARGE = frozenset({"document_too_large", "too_large", "request_entity_too_large"})


@define(eq=False)
class Outbox:
    """Used from one loop at a time. `send` for what somebody waits for, `soon` for the rest."""

    database: CouchDatabase
    batch_documents: int = 500
    batch_bytes: int = 4 * 1024 * 1024
    most_records: int = 50_000
    most_bytes: int = 64 * 1024 * 1024
    linger: float = 0.03
    closed: bool = field(default=False, init=False)
    _urgent: deque[Parcel] = field(factory=deque, init=False)
    _patient: deque[Parcel] = field(factory=deque, init=False)
    #: the request's documents that are not settled, by id
    _under_way: dict[str, Parcel] = field(factory=dict, init=False)
    #: records that nobody waits for: seen already, not on disk yet
    _waiting: dict[Key, RecordEntry] = field(factory=dict, init=False)
    _bytes: int = field(default=0, init=False)
    _number: int = field(default=0, init=False)
    #: (number, future): told when all patient parcels up to the number are on disk
    _barriers: list[tuple[int, asyncio.Future[None]]] = field(factory=list, init=False)
    _failures: int = field(default=0, init=False)
    _task: asyncio.Task[None] | None = field(default=None, init=False)
    _wake: asyncio.Event = field(factory=asyncio.Event, init=False)

    # -- what others ask

    async def send(self, parcels: Sequence[Parcel]) -> None:
        """Returns when all are on disk. StoreUnavailable."""
        if not parcels:
            return
        self._open()
        receipt = Receipt.for_many(len(parcels))
        for parcel in parcels:
            parcel.receipt = receipt
        self._urgent.extend(parcels)
        self._kick()
        await receipt.future

    def soon(self, parcel: Parcel) -> None:
        """On disk in a moment. StoreUnavailable if too much waits already."""
        self._open()
        entry = parcel.entry
        if entry is not None:
            if len(self._waiting) >= self.most_records or self._bytes + entry.size > self.most_bytes:
                raise StoreUnavailable(
                    f"{len(self._waiting)} records ({self._bytes >> 20} MB) wait for CouchDB already: "
                    f"{self.database.client.trouble or 'it is too slow'}"
                )
            self._waiting[entry.key] = entry
            self._bytes += entry.size
        self._number += 1
        parcel.number = self._number
        self._patient.append(parcel)
        self._kick()

    def waiting(self, namespace: str, activation_id: str) -> RecordEntry | None:
        """The record, if it is on its way."""
        return self._waiting.get((namespace, activation_id))

    def waits_for(self, namespace: str) -> bool:
        """True if a record of the namespace is on its way."""
        return any(key[0] == namespace for key in self._waiting)

    async def flush(self) -> None:
        """Returns when what was handed over so far is on disk. StoreUnavailable if the next try fails."""
        if not self.unconfirmed():
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._barriers.append((self._number, future))
        self._kick()
        await future

    def unconfirmed(self) -> list[Parcel]:
        """What nobody waits for and is not on disk yet, oldest first."""
        return [*self._patient_under_way(), *self._patient]

    def _patient_under_way(self) -> list[Parcel]:
        return [parcel for parcel in self._under_way.values() if parcel.receipt is None]

    def _open(self) -> None:
        if self.closed:
            raise StoreUnavailable("the store is closed")

    def _kick(self) -> None:
        """Sees that somebody carries things out. Outside of a loop nobody can; the next call on one will."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        if self._task is None or self._task.done() or self._task.get_loop() is not loop:
            self._wake = asyncio.Event()
            self._task = loop.create_task(self._carry_out(), name="couchdb-outbox")
        self._wake.set()

    # -- the task

    async def _carry_out(self) -> None:
        while self._urgent or self._patient:
            await self._until_due()
            self._under_way = self._take()
            trouble: StoreUnavailable | None = None
            try:
                await self._write(list(self._under_way.values()))
            except StoreUnavailable as error:
                trouble = error
            except Exception as defect:
                log.exception("a defect in the CouchDB store's outbox")
                trouble = StoreUnavailable(f"the store failed: {defect!r}")
            finally:  # cancelled, too: what is not confirmed stays
                refused = [parcel for parcel in self._under_way.values() if parcel.receipt is not None]
                self._patient.extendleft(reversed(self._patient_under_way()))
                self._under_way = {}
            self._round_ended(refused, trouble)

    async def _until_due(self) -> None:
        """Something somebody waits for is due at once, the rest after a moment, longer after failures."""
        rest = min(_LONGEST_REST, _FIRST_REST * 2 ** min(self._failures - 1, 10))
        try:
            async with asyncio.timeout(rest if self._failures else self.linger):
                while not self._due():
                    self._wake.clear()
                    await self._wake.wait()
        except TimeoutError:
            pass

    def _due(self) -> bool:
        full = not self._failures and len(self._patient) >= self.batch_documents
        return bool(self._urgent or self._barriers or full)

    def _take(self) -> dict[str, Parcel]:
        """The next request's documents. One with the id of another waits for the next request."""
        taken: dict[str, Parcel] = {}
        size = 0
        for line in (self._urgent, self._patient):
            while line and len(taken) < self.batch_documents and size < self.batch_bytes:
                if line[0].doc_id in taken:
                    break
                parcel = line.popleft()
                taken[parcel.doc_id] = parcel
                size += len(parcel.body)
        return taken

    async def _write(self, parcels: list[Parcel]) -> None:
        answer = await self.database.bulk(parcel.body for parcel in parcels)
        if answer.status in (400, 413):
            await self._write_parts(parcels, answer)
            return
        rows = answer.json
        if not isinstance(rows, list) or len(rows) != len(parcels):
            raise StoreUnavailable(f"CouchDB answered a bulk write with {answer.reason}")
        trouble: StoreUnavailable | None = None
        for parcel, row in zip(parcels, rows, strict=True):
            trouble = self._written(parcel, row) or trouble
        if trouble is not None:
            raise trouble

    async def _write_parts(self, parcels: list[Parcel], answer: Answer) -> None:
        """Together they were refused: in halves, so that one that cannot be written harms no other."""
        if len(parcels) == 1:
            self._refused(parcels[0], answer.reason, too_large=answer.status == 413)
            return
        middle = len(parcels) // 2
        await self._write(parcels[:middle])
        await self._write(parcels[middle:])

    def _written(self, parcel: Parcel, row: Any) -> StoreUnavailable | None:
        """What became of one document. The trouble, if it has to be tried again."""
        error = row.get("error")
        if error is None or error == "conflict":
            self._settle(parcel)
            parcel.arrived(row.get("rev"))
            return None
        if error in _TOO_LARGE:
            self._refused(parcel, str(row.get("reason")), too_large=True)
            return None
        return StoreUnavailable(f"CouchDB refuses {parcel.doc_id}: {error}: {row.get('reason')}")

    def _settle(self, parcel: Parcel) -> None:
        """It need not be kept any longer."""
        del self._under_way[parcel.doc_id]
        if parcel.number and parcel.entry is not None and self._waiting.pop(parcel.entry.key, None) is not None:
            self._bytes -= parcel.entry.size

    def _refused(self, parcel: Parcel, reason: str, *, too_large: bool) -> None:
        """It will never be taken as it is: a smaller record in its place, or none."""
        less = smaller(parcel.entry) if too_large and parcel.entry is not None else None
        self._settle(parcel)
        if less is not None:
            log.warning("the record %s is too large for CouchDB: kept without its largest part", parcel.doc_id)
            again = record_parcel(less, parcel.confirmed)
            again.receipt, again.number = parcel.receipt, parcel.number
            (self._patient if parcel.receipt is None else self._urgent).appendleft(again)
        elif parcel.receipt is not None:
            parcel.receipt.refuse(StoreUnavailable(f"CouchDB refuses {parcel.doc_id}: {reason}"))
        else:
            log.error("CouchDB refuses %s, which is lost: %s", parcel.doc_id, reason)

    def _round_ended(self, refused: Sequence[Parcel], trouble: StoreUnavailable | None) -> None:
        """Tells those who wait. `refused`: parcels with a receipt that are not on disk."""
        if trouble is None:
            self._failures = 0
            self._pass_barriers(min((parcel.number for parcel in self._patient), default=self._number + 1))
            return
        self._failures += 1
        for parcel in refused:
            if parcel.receipt is not None:
                parcel.receipt.refuse(StoreUnavailable(trouble.reason))
        for _, future in self._barriers:
            if not future.done():
                future.set_exception(StoreUnavailable(trouble.reason))
        self._barriers = []

    def _pass_barriers(self, oldest: int) -> None:
        """Patient parcels before number `oldest` are on disk."""
        for number, future in self._barriers:
            if number < oldest and not future.done():
                future.set_result(None)
        self._barriers = [barrier for barrier in self._barriers if not barrier[1].done()]
