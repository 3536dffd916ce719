"""Records on their way to the disk which are already to be seen."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import define, field

from owactors.message.store import RecordEntry, StoreUnavailable
from owactors.store.record import matches
from owactors.store.sqlite.records import Sequenced


@define(eq=False)
class Backlog:
    """Added to by the loop, taken from by the writer's thread; each step is one operation on a dictionary."""

    most_records: int = 50_000
    most_bytes: int = 64 * 1024 * 1024
    _waiting: dict[tuple[str, str], Sequenced] = field(factory=dict)
    _added: int = 0
    _taken: int = 0

    def add(self, arrived: Sequenced) -> None:
        """StoreUnavailable if there is no room."""
        size = arrived.entry.size
        if len(self._waiting) >= self.most_records or self.bytes + size > self.most_bytes:
            raise StoreUnavailable(
                f"{len(self._waiting)} records ({self.bytes >> 20} MB) wait for the disk already: "
                "it is too slow or refuses writes"
            )
        self._waiting[arrived.entry.key] = arrived
        self._added += size

    @property
    def bytes(self) -> int:
        """What waits, in bytes."""
        return self._added - self._taken

    def take(self, written: Sequence[Sequenced]) -> None:
        """These are on disk now. Those never added are passed over."""
        for arrived in written:
            if self._waiting.get(arrived.entry.key) is arrived:
                del self._waiting[arrived.entry.key]
                self._taken += arrived.entry.size

    def get(self, namespace: str, activation_id: str) -> RecordEntry | None:
        """The record, if it waits."""
        arrived = self._waiting.get((namespace, activation_id))
        return arrived.entry if arrived else None

    def matching(self, namespace: str, name: str | None, since: int | None, upto: int | None) -> list[Sequenced]:
        """What waits and belongs into such a list, in no order."""
        waiting = list(self._waiting.values())
        return [arrived for arrived in waiting if matches(arrived.entry, namespace, name, since, upto)]
