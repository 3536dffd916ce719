"""A feed's consumer that writes down what it takes: taken once, and never lost without a word."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import orjson

from owactors.actor.commitbehind import CommitBehind
from owactors.actor.messagefeed import Polled
from owactors.connector.port import DIRECT, Consumer, Record
from owactors.store.intakejournal import IntakeJournal
from owactors.store.recentids import RecentIds

DUPLICATE = "passed over a second copy of activation %s"


class JournalingConsumer:
    """See the module's text. `journal` None: messages that a crash catches between commit and end are lost.

    What is written down need not wait for its commit: should that fail, the same messages come again and are known.
    A journal that forgets with its process only tells copies from each other.
    """

    def __init__(
        self,
        consumer: Consumer,
        journal: IntakeJournal | RecentIds | None,
        warn: Callable[[str, str], None] = lambda *_: None,
    ) -> None:
        self._consumer, self._journal, self._warn = consumer, journal, warn
        self._reader = CommitBehind(consumer) if isinstance(journal, IntakeJournal) else consumer

    @property
    def max_peek(self) -> int:
        return self._consumer.max_peek

    async def peek(self, max_records: int | None = None, timeout: float = 0.5) -> Sequence[Polled]:
        """The next records but those that are under way here already."""
        records = await self._reader.peek(max_records, timeout)
        if self._journal is None:
            return records
        written = [record for record in records if record.partition == DIRECT]
        kept = [(record, _message_of(record)) for record in records if record.partition != DIRECT]
        fresh = [(record, message) for record, message in kept if not self._is_known(message)]
        self._journal.taken([message for _, message in fresh if message is not None])
        if records and not fresh and not written:
            await self._reader.commit()
        return [*written, *(record for record, _ in fresh)]

    def _is_known(self, message: dict[str, Any] | None) -> bool:
        assert self._journal is not None
        if message is None or not self._journal.knows(message["activationId"]):
            return False
        self._warn(DUPLICATE, message["activationId"])
        return True

    async def commit(self) -> None:
        """As the port says; with a journal it goes on beside what follows."""
        await self._reader.commit()


def _message_of(record: Record) -> dict[str, Any] | None:
    """The message, as far as it can be told from others; what else is wrong with it is the reader's business."""
    try:
        value = orjson.loads(record.payload)
    except orjson.JSONDecodeError:
        return None
    known = isinstance(value, dict) and isinstance(value.get("activationId"), str)
    return value if known else None
