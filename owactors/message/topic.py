"""What is said with the actor that writes to the topics of a broker."""

from __future__ import annotations

from typing import Any

from attrs import field, frozen


@frozen(eq=False)
class Write:
    """Put this JSON value on a topic. `what` names it in the log.

    `smaller` is sent in its place where it is too large. With `keep` it is tried again as long as the broker is
    away; without, it is dropped. `Written(token)` comes back once it is on the topic, if there is a token.
    """

    topic: str
    value: Any = field(repr=False)
    what: str
    smaller: Any = field(default=None, repr=False)
    keep: bool = False
    token: str | None = None
    #: how often it was tried
    tries: int = 0


@frozen
class Written:
    """It is on the topic."""

    token: str


@frozen(eq=False)
class WriterSetup:
    """The first message to a writer. `messaging` are the settings of the broker."""

    messaging: Any
