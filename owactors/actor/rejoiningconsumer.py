"""A consumer that joins its group again after it was fenced, if it may.

A controller takes the place of an invoker that it takes for dead, to claim what waits on the invoker's topic. An
invoker that was only cut off takes its place back; one whose number another invoker has got does not.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from owactors.actor.wrappedconsumer import WrappedConsumer
from owactors.connector.port import Consumer, FencedInstance, Record


class RejoiningConsumer(WrappedConsumer):
    """See `owactors.connector.port.Consumer`. `may` raises FencedInstance if the place is lost for good."""

    _consumer: Consumer

    def __init__(self, make: Callable[[], Consumer], may: Callable[[], Awaitable[None]]) -> None:
        super().__init__(make())
        self._make, self._may = make, may

    @property
    def group(self) -> str:
        """The group whose member this is."""
        return self._consumer.group

    async def peek(self, max_records: int | None = None, timeout: float = 0.5) -> list[Record]:
        """Raises FencedInstance once when the place was lost, also when it is back: what was peeked counts no more."""
        try:
            return await self._consumer.peek(max_records, timeout)
        except FencedInstance:
            await self._join_again()
            raise

    async def commit(self, upto: Record | None = None) -> None:
        """As `peek`."""
        try:
            await self._consumer.commit(upto)
        except FencedInstance:
            await self._join_again()
            raise

    async def _join_again(self) -> None:
        await self._may()
        former, self._consumer = self._consumer, self._make()
        await former.close()

    async def close(self) -> None:
        """As the port says."""
        await self._consumer.close()
