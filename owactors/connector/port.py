"""The ports between a node and a message broker: `Consumer` reads a topic, `Producer` writes to one.

All coroutines run on the loop of the actor that uses them. Times in seconds. (OpenWhisk, MessageConsumer.scala,
MessageProducer.scala.)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Consumer(Protocol):
    """One reader of one topic."""

    @property
    def max_peek(self) -> int:
        """A peek brings at most so many messages."""
        ...

    async def peek(self, long_poll: float) -> Sequence[bytes]:
        """The next messages in order, after at most `long_poll`; none if none came. Raises what the broker raises."""
        ...

    async def commit(self) -> None:
        """What was peeked is taken: it will not come again."""
        ...

    async def close(self) -> None:
        """Leave the topic."""
        ...


class Producer(Protocol):
    """Writes to topics."""

    async def send(self, topic: str, message: bytes) -> None:
        """Returns when the broker has it."""
        ...

    async def close(self) -> None:
        """Send what is under way, then disconnect."""
        ...
