"""What is said with a MessageFeed: credit, the outcome of a fill, hand-over to the handler.

(OpenWhisk, MessageConsumer.scala: object MessageFeed.)
"""

from __future__ import annotations

from attrs import field, frozen


@frozen
class Ready:
    """To the feed, at any time while it is idle: start polling."""


@frozen
class Processed:
    """To the feed: `count` messages have been dealt with, so many more may be handed over."""

    count: int = field(default=1)

    @count.validator
    def _positive(self, _: object, value: int) -> None:
        if value < 1:
            raise ValueError(f"Processed.count must be at least 1, not {value}")


@frozen
class FillCompleted:
    """The feed to itself: a poll ended and its messages are committed. In the order of the topic."""

    messages: tuple[bytes, ...]


@frozen
class FillClosed:
    """The consumer is closed: who closed it ends, and nothing more can be polled."""


@frozen
class FillFailed:
    """The feed to itself: a poll or its commit failed; what was polled is discarded and will come again."""

    cause: str


@frozen
class FillDue:
    """The feed to itself: the pause after a failed poll is over."""


@frozen
class StopFeed:
    """To the feed: poll no more. What was committed is still handed over; then `FeedStopped` follows."""


@frozen
class FeedStopped:
    """From the feed: nothing is outstanding, nothing is being handled, nothing is polled any more."""


@frozen
class Handle:
    """From the feed to its handler: one message, which the handler answers with one `Processed`."""

    payload: bytes = field(repr=lambda payload: f"<{len(payload)} bytes>")
