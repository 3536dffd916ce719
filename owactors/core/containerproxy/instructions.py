"""What a container proxy wants done. Each asynchronous one names the events that answer it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from owactors.entity.activation import WhiskActivation
from owactors.entity.transaction import TransactionId
from owactors.message.container import SendAck, StoreActivation, ToPool
from owactors.message.containerdata import ContainerRef


@frozen
class CreateContainer:
    """Answered by ContainerCreated, ContainerCreationFailed or BlackboxCreationFailed. `memory` in bytes.

    `cpu_shares` 0 and `cpu_limit` None mean no limit. `pull_policy` is what the action says of it, "" for nothing.
    `labels` say for whom it is made; for nobody yet: none.
    """

    name: str
    kind: str
    image: str
    user_provided_image: bool
    memory: int
    cpu_shares: int
    cpu_limit: float | None
    transid: TransactionId
    pull_policy: str = ""
    labels: Mapping[str, str] = field(factory=dict, hash=False)


@frozen
class GiveUpCreation:
    """What CreateContainer has begun is not wanted any more: it is answered when nothing of it is left, or too late."""


@frozen
class ResizeContainer:
    """Give a container another amount of memory (bytes) and its share of the processors, as in CreateContainer.

    Answered by ContainerResized or ResizeFailed.
    """

    memory: int
    cpu_shares: int
    cpu_limit: float | None
    transid: TransactionId


@frozen(eq=False)
class InitializeContainer:
    """POST /init. Answered by Initialized or ExchangeCrashed. `timeout` in seconds."""

    job: int
    body: Mapping[str, Any]
    timeout: float
    max_concurrent: int
    transid: TransactionId


@frozen(eq=False)
class RunContainer:
    """POST /run. Answered by RunEnded or ExchangeCrashed. `timeout` in seconds, the three limits in bytes."""

    job: int
    body: Mapping[str, Any]
    timeout: float
    max_concurrent: int
    response_limit: int
    truncation_limit: int
    log_limit: int
    transid: TransactionId


@frozen
class CollectLogs:
    """Answered by LogsCollected or LogsFailed. `limit` in bytes."""

    job: int
    limit: int
    wait_for_sentinel: bool
    transid: TransactionId
    activation_id: str = ""


@frozen(eq=False)
class KeepLogs:
    """Write the logs of a job into the files: `lines`, then `record`. Answered by LogsKept or LogsNotKept.

    `namespace_id` is that of the namespace that invokes.
    """

    job: int
    record: WhiskActivation
    lines: tuple[str, ...]
    namespace_id: str
    transid: TransactionId


@frozen
class PauseContainer:
    """Answered by ContainerPaused or PauseFailed."""


@frozen
class ResumeContainer:
    """Answered by ContainerResumed or ResumeFailed."""

    transid: TransactionId


@frozen
class DestroyContainer:
    """Answered by ContainerDestroyed or DestroyFailed. A paused container is resumed first, if that works."""

    resume_first: bool


@frozen(eq=False)
class TellPool:
    """A message to the pool."""

    message: ToPool


@frozen(eq=False)
class Acknowledge:
    """A message to the sender of acknowledgements."""

    message: SendAck


@frozen(eq=False)
class Store:
    """A record to the store."""

    message: StoreActivation


@frozen
class SetTimer:
    """Send the event that belongs to this name (idle, linger, destroy) after `seconds`; replaces one of the name."""

    name: str
    seconds: float


@frozen
class EnablePing:
    """Ping this container from now on. Answered, in the bad case, by HealthPingFailed."""

    container: ContainerRef


@frozen
class DisablePing:
    """Ping no more."""


@frozen
class CountUnhealthy:
    """Count a container that proved unhealthy; `state` is warm or prewarm."""

    state: str


@frozen
class Warn:
    """A line for the invoker's log that an operator should see."""

    text: str
    transid: TransactionId | None = None


@frozen
class Defect:
    """Something that must not happen did: log it with the machine's story."""

    text: str


@frozen
class Stop:
    """The actor may exit."""


Instruction = (
    CreateContainer
    | GiveUpCreation
    | ResizeContainer
    | InitializeContainer
    | RunContainer
    | CollectLogs
    | KeepLogs
    | PauseContainer
    | ResumeContainer
    | DestroyContainer
    | TellPool
    | Acknowledge
    | Store
    | SetTimer
    | EnablePing
    | DisablePing
    | CountUnhealthy
    | Warn
    | Defect
    | Stop
)
IDLE_TIMER, LINGER_TIMER, DESTROY_TIMER = "idle", "linger", "destroy"
