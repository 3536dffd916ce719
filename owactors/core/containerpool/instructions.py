"""What a pool wants done, in the order of the list."""

from __future__ import annotations

from attrs import frozen

from owactors.core.keepalive.port import StartKind
from owactors.entity.exec import Exec
from owactors.message.container import Run


@frozen
class CreateProxy:
    """Make a proxy that will be known by this number."""

    container: int


@frozen
class SendRun:
    """Send the Run to the proxy; `start` is how it found the container."""

    container: int
    run: Run
    start: StartKind


@frozen
class SendStart:
    """Have the proxy make a prewarmed container of `memory` MB that lives `ttl` seconds (None: for good)."""

    container: int
    exec: Exec
    memory: int
    ttl: float | None


@frozen
class SendRemove:
    """Have the proxy destroy its idle container."""

    container: int


@frozen
class SendDismiss:
    """Tell the proxy that nothing more will be sent to it."""

    container: int


@frozen
class ReleaseCredits:
    """Give `count` credits back to the feed: so many activations ended."""

    count: int


@frozen
class FailRun:
    """End the activation with a whisk error: record and acknowledgement. Its credit is released separately."""

    run: Run
    reason: str


@frozen
class ReportWaiting:
    """The run found no place, again or for the first time, and `waiting` runs wait in all."""

    run: Run
    waiting: int


@frozen
class ReportTwin:
    """An activation of this id is here already; this one was dropped."""

    run: Run


@frozen
class ReportPrewarm:
    """Count for metrics: `what` is `coldstart` or `expired`, of containers of this kind and memory (MB)."""

    what: str
    kind: str
    memory: int
    count: int


@frozen
class ReportShortage:
    """A prewarmed container of this kind and memory was not made for lack of room."""

    kind: str
    memory: int


@frozen
class BackfillLater:
    """Answer with BackfillPrewarmed after `seconds`."""

    seconds: float


@frozen
class ReportDrained:
    """Nothing runs, nothing waits and no container is left."""


PoolInstruction = (
    CreateProxy
    | SendRun
    | SendStart
    | SendRemove
    | SendDismiss
    | ReleaseCredits
    | FailRun
    | ReportWaiting
    | ReportTwin
    | ReportPrewarm
    | ReportShortage
    | BackfillLater
    | ReportDrained
)
