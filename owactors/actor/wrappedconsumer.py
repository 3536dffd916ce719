"""What consumers have in common that stand between a feed and the connector, and do one thing in another way."""

from __future__ import annotations

from collections.abc import Sequence

from owactors.actor.messagefeed import FeedConsumer, Polled


class WrappedConsumer:
    """See `owactors.actor.messagefeed.FeedConsumer`. Everything is as the one below has it."""

    def __init__(self, consumer: FeedConsumer) -> None:
        self._consumer = consumer

    @property
    def topic(self) -> str:
        """What is read."""
        return self._consumer.topic

    @property
    def max_peek(self) -> int:
        """Records of one peek at most."""
        return self._consumer.max_peek

    async def peek(self, max_records: int | None = None, timeout: float = 0.5) -> Sequence[Polled]:
        """As the connector's port says."""
        return await self._consumer.peek(max_records, timeout)

    async def lag(self) -> int:
        """As the connector's port says."""
        return await self._consumer.lag()

    async def commit(self) -> None:
        """As the connector's port says."""
        await self._consumer.commit()
