"""A feed's consumer that writes down what it takes before it commits: taken once, and never lost without a word."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import orjson

from owactors.actor.messagefeed import Polled
from owactors.connector.port import Consumer, Record
from owactors.store.intakejournal import IntakeJournal

DUPLICATE = "passed over a second copy of activation %s"


class JournalingConsumer:
    """See the module's text. `journal` None: messages that a crash catches between commit and end are lost."""

    def __init__(
        self, consumer: Consumer, journal: IntakeJournal | None, warn: Callable[[str, str], None] = lambda *_: None
    ) -> None:
        self._consumer, self._journal, self._warn = consumer, journal, warn
        self._fresh: list[str] = []

    @property
    def max_peek(self) -> int:
        return self._consumer.max_peek

    async def peek(self, max_records: int | None = None, timeout: float = 0.5) -> Sequence[Polled]:
        """The next records but those that are under way here already."""
        records = await self._consumer.peek(max_records, timeout)
        if self._journal is None:
            return records
        kept = [(record, _message_of(record)) for record in records]
        fresh = [(record, message) for record, message in kept if not self._is_known(message)]
        messages = {message["activationId"]: message for _, message in fresh if message is not None}
        self._fresh = list(messages)
        self._journal.taken(messages.values())
        return [record for record, _ in fresh] or (await self._commit_nothing() if records else [])

    async def _commit_nothing(self) -> Sequence[Polled]:
        """All were known: they are done with."""
        await self._consumer.commit()
        return []

    def _is_known(self, message: dict[str, Any] | None) -> bool:
        assert self._journal is not None
        if message is None or not self._journal.knows(message["activationId"]):
            return False
        self._warn(DUPLICATE, message["activationId"])
        return True

    async def commit(self) -> None:
        """What could not be committed will be read again, so it is not ours."""
        try:
            await self._consumer.commit()
        except Exception:
            if self._journal is not None:
                self._journal.given_back(self._fresh)
            raise
        finally:
            self._fresh = []


def _message_of(record: Record) -> dict[str, Any] | None:
    """The message, as far as it can be told from others; what else is wrong with it is the reader's business."""
    try:
        value = orjson.loads(record.payload)
    except orjson.JSONDecodeError:
        return None
    known = isinstance(value, dict) and isinstance(value.get("activationId"), str)
    return value if known else None
