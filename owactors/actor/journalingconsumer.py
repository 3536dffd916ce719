"""A feed's consumer that writes down what it takes: taken once, and never lost without a word."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import orjson

from owactors.actor.commitbehind import CommitBehind
from owactors.actor.messagefeed import Polled
from owactors.connector.port import DIRECT, ConnectorError, Consumer, Record
from owactors.store.intakejournal import IntakeJournal
from owactors.store.recentids import RecentIds

DUPLICATE = "passed over a second copy of activation %s"
NOT_WRITTEN = "a crash would lose activation %s"


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
        #: of the last peek
        self._fresh: list[str] = []

    @property
    def topic(self) -> str:
        return self._consumer.topic

    @property
    def max_peek(self) -> int:
        return self._consumer.max_peek

    async def peek(self, max_records: int | None = None, timeout: float = 0.5) -> Sequence[Polled]:
        """The next records but those that are under way here already."""
        self._fresh.clear()
        records = await self._reader.peek(max_records, timeout)
        if self._journal is None:
            return records
        fresh = [record for record in records if record.partition == DIRECT or self._is_fresh(record)]
        if records and not fresh:
            await self._reader.commit()
        return fresh

    def _is_fresh(self, record: Record) -> bool:
        """Whether it is no copy; then it is written down."""
        assert self._journal is not None
        message = _message_of(record)
        if message is None:
            return True
        if self._journal.knows(message["activationId"]):
            self._warn(DUPLICATE, message["activationId"])
            return False
        try:
            self._journal.taken([message])
        except OSError as problem:  # better run without a note than not at all
            self._warn(NOT_WRITTEN, f"{message['activationId']}: {problem}")
        self._fresh.append(message["activationId"])
        return True

    async def lag(self) -> int:
        """As the port says."""
        return await self._consumer.lag()

    async def commit(self) -> None:
        """As the port says; with a journal it goes on beside what follows."""
        try:
            await self._reader.commit()
        except ConnectorError:
            if isinstance(self._journal, RecentIds):
                self._journal.forget(self._fresh)  # they come again
            raise


def _message_of(record: Record) -> dict[str, Any] | None:
    """The message, as far as it can be told from others; what else is wrong with it is the reader's business."""
    try:
        value = orjson.loads(record.payload)
    except orjson.JSONDecodeError:
        return None
    known = isinstance(value, dict) and isinstance(value.get("activationId"), str)
    return value if known else None
