"""Records on their way to the store actor: sent in batches, kept until the store has confirmed them.

One batch is under way at a time; what comes meanwhile makes the next one. A batch that was refused, or not
answered, is sent again as it was: the store keeps nothing twice. (OpenWhisk, Batcher.scala.)
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from attrs import define, field

from owactors.message.store import RecordEntry, StoreRecords, StoreUnavailable

Key = tuple[str, str]


@define(eq=False)
class RecordOutbox:
    """What waits, what is under way. `next_batch` to send, `confirmed` or `refused` for what came of it."""

    batch_records: int = 256
    batch_bytes: int = 4 * 1024 * 1024
    most_records: int = 50_000
    most_bytes: int = 64 * 1024 * 1024
    _waiting: deque[RecordEntry | Key] = field(factory=deque)
    _under_way: StoreRecords | None = None
    _bytes: int = 0
    _sent: int = 0
    #: refusals in a row
    failures: int = 0

    def __len__(self) -> int:
        """Records and dismissals that are not confirmed."""
        under_way = self._under_way
        sent = len(under_way.entries) + len(under_way.dismissed) if under_way else 0
        return len(self._waiting) + sent

    @property
    def bytes(self) -> int:
        """Bytes of the records that are not confirmed."""
        return self._bytes

    @property
    def idle(self) -> bool:
        """True if nothing is under way."""
        return self._under_way is None

    @property
    def ticket(self) -> int:
        """Number of the newest entry: it is confirmed once `confirmed` has answered so many."""
        return self._sent + len(self._waiting)

    def find(self, namespace: str, activation_id: str) -> RecordEntry | None:
        """The record, if it is not confirmed."""
        key = (namespace, activation_id)
        return next((entry for entry in self._records() if entry.key == key), None) if len(self) else None

    def waits_for(self, namespace: str) -> bool:
        """Whether a record of this namespace is not confirmed."""
        return bool(len(self)) and any(entry.namespace == namespace for entry in self._records())

    def _records(self) -> Iterator[RecordEntry]:
        if self._under_way is not None:
            yield from self._under_way.entries
        yield from (one for one in self._waiting if isinstance(one, RecordEntry))

    def add(self, entry: RecordEntry) -> None:
        """A record to be kept. StoreUnavailable if too much waits already."""
        if len(self) >= self.most_records or self._bytes + entry.size > self.most_bytes:
            raise StoreUnavailable(
                f"{len(self)} records ({self._bytes >> 20} MB) wait for the store already: it is away or too slow"
            )
        self._waiting.append(entry)
        self._bytes += entry.size

    def dismiss(self, namespace: str, activation_id: str) -> None:
        """An accepted call ended without a record that is to be kept."""
        self._waiting.append((namespace, activation_id))

    def next_batch(self, request: int) -> StoreRecords | None:
        """What is to be sent now, under this number: None if nothing waits or a batch is under way."""
        if self._under_way is not None or not self._waiting:
            return None
        entries: list[RecordEntry] = []
        dismissed: list[Key] = []
        size = 0
        while self._waiting and len(entries) + len(dismissed) < self.batch_records and size < self.batch_bytes:
            one = self._waiting.popleft()
            self._sent += 1
            if isinstance(one, RecordEntry):
                entries.append(one)
                size += one.size
            else:
                dismissed.append(one)
        self._under_way = StoreRecords(request, tuple(entries), tuple(dismissed))
        return self._under_way

    def again(self) -> StoreRecords | None:
        """The batch under way, to be sent once more."""
        return self._under_way

    def confirmed(self, request: int) -> int | None:
        """The store has them on disk. The last ticket that is confirmed; None: not the batch under way."""
        if self._under_way is None or self._under_way.request != request:
            return None
        self._bytes -= sum(entry.size for entry in self._under_way.entries)
        self._under_way, self.failures = None, 0
        return self._sent

    def refused(self, request: int) -> bool:
        """The store could not. False: not the batch under way."""
        if self._under_way is None or self._under_way.request != request:
            return False
        self.failures += 1
        return True

    def rest(self) -> float:
        """Seconds to wait before a refused batch is sent again."""
        return float(min(5.0, 0.1 * 2 ** min(self.failures, 10)))
