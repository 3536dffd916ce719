"""A feed's consumer that writes down what it takes: taken once, and never lost without a word.

The group's commit is the claim: what is committed belongs to this invoker and to nobody else, so nothing is handed over
before. What was written down and could not be committed comes again, or belongs to somebody else by then.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from owactors.actor.messagefeed import Polled
from owactors.actor.wrappedconsumer import WrappedConsumer
from owactors.connector.port import DIRECT, Consumer, FencedInstance, Record
from owactors.message.payload import from_payload
from owactors.store.intakejournal import IntakeJournal
from owactors.store.recentids import RecentIds

DUPLICATE = "passed over a second copy of activation %s"


class JournalingConsumer(WrappedConsumer):
    """See the module's text. `journal` None: messages that a crash catches between commit and end are lost.

    A journal that forgets with its process only tells copies from each other.
    """

    _consumer: Consumer

    def __init__(
        self,
        consumer: Consumer,
        journal: IntakeJournal | RecentIds | None,
        warn: Callable[[str, str], None] = lambda *_: None,
    ) -> None:
        super().__init__(consumer)
        self._journal, self._warn = journal, warn
        #: written down and not committed
        self._unclaimed: list[str] = []
        #: read, and could not be written down: they come with the next peek
        self._again: Sequence[Record] = ()

    async def peek(self, max_records: int | None = None, timeout: float = 0.5) -> Sequence[Polled]:
        """The next records but those that are under way here already. OSError: what was read comes again."""
        if not self._again:
            self._again = await self._read(max_records, timeout)
        if self._journal is None:
            fresh: Sequence[Polled] = self._again
        else:
            fresh = self._written_down(self._again)
        records, self._again = self._again, ()
        if records and not fresh:
            await self.commit()
        return fresh

    async def _read(self, max_records: int | None, timeout: float) -> Sequence[Record]:
        try:
            return await self._consumer.peek(max_records, timeout)
        except FencedInstance:
            self._not_ours()
            raise

    def _written_down(self, records: Sequence[Record]) -> list[Record]:
        """Those that are no copies; all of them, or none and OSError."""
        before = len(self._unclaimed)
        try:
            return [record for record in records if record.partition == DIRECT or self._is_fresh(record)]
        except OSError:
            del self._unclaimed[before:]
            raise

    def _is_fresh(self, record: Record) -> bool:
        """Whether it is no copy; then it is written down."""
        assert self._journal is not None
        message = _message_of(record)
        if message is None:
            return True
        key = message["activationId"]
        if self._journal.knows(key) or key in self._unclaimed:
            self._warn(DUPLICATE, key)
            return False
        self._journal.taken([message])
        self._unclaimed.append(key)
        return True

    async def commit(self) -> None:
        """As the port says."""
        keys, self._unclaimed = self._unclaimed, []
        try:
            await self._consumer.commit()
        except FencedInstance:
            self._not_ours()
            raise
        if isinstance(self._journal, IntakeJournal):
            self._journal.claimed(keys)

    def _not_ours(self) -> None:
        """Whoever took this one's place has them: a controller, or another invoker with this number."""
        self._unclaimed = []
        if isinstance(self._journal, IntakeJournal):
            self._journal.not_claimed()


def _message_of(record: Record) -> dict[str, Any] | None:
    """The message, as far as it can be told from others; what else is wrong with it is the reader's business."""
    try:
        value = from_payload(record.payload)
    except ValueError:
        return None
    known = isinstance(value, dict) and isinstance(value.get("activationId"), str)
    return value if known else None
