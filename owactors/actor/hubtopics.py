"""The topics of a hub, and the answers to what is asked of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

from owactors.connector.memory.consumer import MemoryConsumer
from owactors.connector.memory.provider import MemoryMessaging
from owactors.connector.port import FencedInstance, Record
from owactors.message.bus import Append, BusCommit, BusLag, BusPeek, BusQuestion, CloseReader, EnsureTopic

#: a reader's own bound is said with each peek
MAX_PEEK = 1_000_000


class HubTopics:
    """Topics in memory, by messages."""

    _answers: ClassVar[dict[type[BusQuestion], Callable[[HubTopics, Any], Awaitable[Any]]]] = {}

    def __init__(self, *, forgets: bool = True) -> None:
        """`forgets`: what all groups there are have read is dropped; a later group does not see it."""
        self._forgets = forgets
        self._messaging = MemoryMessaging()
        self._readers: dict[str, MemoryConsumer] = {}

    async def answer(self, question: BusQuestion) -> Any:
        """What the question is answered with. The errors of the connector's port."""
        return await self._answers[type(question)](self, question)

    async def _ensure(self, question: EnsureTopic) -> None:
        await self._messaging.ensure_topic(question.topic, question.config)

    def append(self, question: Append) -> int:
        """The offset of what is put onto the topic. NoSuchTopic, MessageTooLarge."""
        return self._messaging.append(question.topic, question.payload)

    async def _append(self, question: Append) -> int:
        return self.append(question)

    async def _peek(self, question: BusPeek) -> tuple[tuple[int, int, bytes], ...]:
        records = await self._reader(question).peek(question.max_records, question.timeout)
        return tuple((record.offset, record.timestamp, record.payload) for record in records)

    async def _lag(self, question: BusLag) -> int:
        return await self._reader(question).lag()

    async def _commit(self, question: BusCommit) -> None:
        reader = self._readers.get(question.reader)
        if reader is None:
            raise FencedInstance(f"there is no such reader of {question.topic}")
        await reader.commit(Record(question.topic, 0, question.offset, 0, b""))
        if self._forgets:
            self._messaging.forget_read(question.topic)

    async def _close(self, question: CloseReader) -> None:
        reader = self._readers.pop(question.reader, None)
        if reader is not None:
            await reader.close()

    def _reader(self, question: BusPeek | BusLag) -> MemoryConsumer:
        known = self._readers.get(question.reader)
        if known is None:
            known = self._messaging.consumer(question.topic, question.group, MAX_PEEK, question.instance)
            self._readers[question.reader] = known
        return known


HubTopics._answers = {
    EnsureTopic: HubTopics._ensure,
    Append: HubTopics._append,
    BusPeek: HubTopics._peek,
    BusLag: HubTopics._lag,
    BusCommit: HubTopics._commit,
    CloseReader: HubTopics._close,
}
