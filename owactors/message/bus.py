"""What is said on the bus of a cluster without Kafka: each controller has a hub, in which its topics are.

Every question carries a number and is answered by `BusAnswer` or `BusRefused` with the same.
"""

from __future__ import annotations

from typing import Any

from attrs import field, frozen


@frozen
class HubPlace:
    """Where a controller's hub is, and the first actor of its process, which can be asked for hubs."""

    hub: Any
    entrance: Any


@frozen(eq=False)
class JoinBus:
    """To the first actor of a controller's process: where are the hubs? Answered by `Hubs`.

    A controller says its own id and place; `controller` "" is an invoker.
    """

    controller: str = ""
    place: HubPlace | None = None


@frozen(eq=False)
class Hubs:
    """Controller id to its place, and how many seconds ago it was heard of, of all that are known.

    `refused` says why there is no bus to join.
    """

    hubs: dict[str, tuple[HubPlace, float]]
    refused: str = ""


@frozen
class BusQuestion:
    """Base of all questions to a hub."""

    request: int
    topic: str


@frozen
class EnsureTopic(BusQuestion):
    """Make the topic unless it is there; `config` is a `connector.topics.TopicConfig`."""

    config: Any


@frozen
class Append(BusQuestion):
    """Put a record onto the topic. Answered by its offset."""

    payload: bytes = field(repr=False)


@frozen
class BusPeek(BusQuestion):
    """The next records of a member of a group: `(offset, epoch ms, payload)` each; none after `timeout` seconds.

    `reader` is this member and nobody else; another one with the same `instance` takes its place.
    """

    reader: str
    group: str
    instance: str | None
    max_records: int
    timeout: float


@frozen
class BusCommit(BusQuestion):
    """The group of this reader goes on behind `offset`."""

    reader: str
    offset: int


@frozen
class BusLag(BusQuestion):
    """How many records this reader has not peeked."""

    reader: str
    group: str
    instance: str | None


@frozen
class CloseReader(BusQuestion):
    """The reader leaves its group."""

    reader: str


@frozen(eq=False)
class BusAnswer:
    """What was asked for."""

    request: int
    value: Any = None


@frozen
class BusRefused:
    """`error` is the name of one of the port's errors."""

    request: int
    error: str
    reason: str
