"""What the container pool and a container proxy say to each other. (OpenWhisk, ContainerProxy.scala.)

The order of one proxy's life, as the pool sees it::

    pool -> proxy   ProxySetup, once and first
    pool -> proxy   Start | Run ... , Remove
    proxy -> pool   NeedWork ...                      after a prewarm is ready, and after activations ended
    proxy -> pool   Run ...                           handed back: it was not run, place it elsewhere
    proxy -> pool   ContainerRemoved | RescheduleJob  exactly one of them: leave me out of your books
    proxy -> pool   ContainerDestroyed                the engine has really freed the container
    pool -> proxy   Dismiss                           the answer to ContainerDestroyed; the proxy stops

Between "leave me out" and Dismiss the proxy hands back each Run that was under way to it, so none is lost. A proxy that
is never dismissed stops by itself after a while.

`finished` in each message of the proxy counts the activations that ended (acknowledged and stored) since its message
before: add them up and every accepted Run is counted once, unless it was handed back. One feed credit each. `ended` are
their activation ids.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from attrs import field, frozen

from owactors.entity.action import WhiskAction
from owactors.entity.activation import WhiskActivation
from owactors.entity.exec import Exec
from owactors.entity.identity import Identity
from owactors.entity.instance import ControllerInstanceId, InvokerInstanceId
from owactors.entity.size import ByteSize
from owactors.entity.transaction import TransactionId
from owactors.message.ack import AcknowledgementMessage
from owactors.message.activation import ActivationMessage
from owactors.message.containerdata import PreWarmedData, WarmedData


@frozen
class HealthCheckSettings:
    """TCP pings of prewarmed containers; `check_period` in seconds. (`action-health-check`)"""

    enabled: bool = False
    check_period: float = 3.0
    max_fails: int = 3


@frozen
class LogErrorSettings:
    """Which failed activations are worth a warning in the invoker's own log."""

    application_errors: bool = False
    developer_errors: bool = False
    whisk_errors: bool = False


#: Where logs go: into the record; there and into files; into files only; to the container engine's own log driver.
LogStore = Literal["record", "file", "out-of-band", "driver"]


@frozen
class LogFileSettings:
    """Files with the logs of all activations: in `folder`, about `file_size` bytes each, `max_bytes` together."""

    folder: str
    file_size: int = 100 * 1024 * 1024
    max_bytes: int = 1024 * 1024 * 1024


@frozen
class ProxySettings:
    """What every proxy of an invoker shares. Durations in seconds.

    `pause_grace` None: idle containers are not paused; `unused_timeout` None: they go only when the pool says so.
    """

    instance: InvokerInstanceId
    name_prefix: str = "wsk"
    pause_grace: float | None = 10.0
    unused_timeout: float | None = 600.0
    user_memory: ByteSize = field(factory=lambda: ByteSize.mb(1024))
    user_cpus: float | None = None
    one_ack: bool = True
    """A call whose log is there with its answer is acknowledged once; OpenWhisk sends result and completion."""
    log_store: LogStore = "record"
    """Where logs go; with `driver` none are collected."""
    log_files: LogFileSettings | None = None
    """The files, for the log stores that have some."""
    annotations: bool = True
    """Records say how their log was read and what the parts of a cold start took."""
    environment: Mapping[str, str] = field(factory=dict, hash=False)
    """What every process in a container sees, such as __OW_API_HOST."""
    unlock_keys: Mapping[str, str] = field(factory=dict, hash=False, repr=False)
    """Keys for encrypted parameters: aes-128 and aes-256, in base64."""
    images: Mapping[str, str] = field(factory=dict, hash=False)
    """Kind -> full image name, from the runtimes manifest; kinds without an image need none."""
    unsentinelled_kinds: frozenset[str] = frozenset()
    """Kinds whose runtime writes no end marks."""
    payload_limit: ByteSize = field(factory=lambda: ByteSize.mb(1))
    truncation_limit: ByteSize = field(factory=lambda: ByteSize.mb(1))
    max_attempts: int = 3
    """So many containers may refuse an activation before it ends as a whisk error."""
    health_check: HealthCheckSettings = HealthCheckSettings()
    log_errors: LogErrorSettings = LogErrorSettings()
    linger: float = 30.0
    """How long a removed proxy waits to be dismissed."""
    destroy_retry: float = 1.0
    """Wait before a failed destroy is tried again; doubled each time."""
    destroy_tries: int = 6


@frozen(eq=False)
class ProxySetup:
    """The first message to a proxy; its sender is the pool.

    `acks` and `store` are actor addresses: acknowledgements go to the one (`SendAck`), records to the other
    (`StoreActivation`). `number` makes the container's name unique within the invoker. `factory` is a container
    factory by reference (same process); without one, the process builds it from `factory_settings`.
    """

    settings: ProxySettings
    acks: Any
    store: Any
    number: int
    factory: Any = None
    factory_settings: Any = None


@frozen
class Start:
    """Make a prewarmed container (stem cell). `ttl` in seconds, counted from its readiness; None: it stays."""

    exec: Exec
    memory_limit: ByteSize
    ttl: float | None = None


@frozen(eq=False)
class Run:
    """One activation. Compared by identity: the same Run comes back when it is handed back.

    `retry_log_deadline` belongs to the pool: when to complain next that the Run found no place (seconds).
    `attempts` counts the containers that refused it; a proxy hands it back only a few times.
    """

    action: WhiskAction
    msg: ActivationMessage
    retry_log_deadline: float | None = None
    attempts: int = 0


@frozen
class Remove:
    """Destroy the container once it is idle."""


@frozen
class Dismiss:
    """Nothing more will be sent to this proxy: it may stop."""


@frozen
class NeedWork:
    """The container has room: a prewarm that is ready (`finished` 0), or a warm one after `finished` activations."""

    data: PreWarmedData | WarmedData
    finished: int = 1
    ended: tuple[str, ...] = field(default=(), eq=False)


@frozen
class ContainerRemoved:
    """The container goes. `replace_prewarm`: see whether prewarmed containers must be made."""

    replace_prewarm: bool
    finished: int = 0
    ended: tuple[str, ...] = field(default=(), eq=False)


@frozen
class RescheduleJob:
    """The container goes, and its jobs, if any, were or will be handed back."""

    finished: int = 0
    ended: tuple[str, ...] = field(default=(), eq=False)


@frozen
class ContainerDestroyed:
    """The engine has freed the container and its memory. `leaked` says why it may not have; answer with Dismiss."""

    finished: int = 0
    leaked: str = ""
    ended: tuple[str, ...] = field(default=(), eq=False)


@frozen
class HealthPingEnabled:
    """To the ping client of a proxy: begin or stop ticking."""

    enabled: bool


@frozen(eq=False)
class PingSetup:
    """The first message to a ping client, which lives in its proxy's process: `container` by reference."""

    container: Any
    settings: HealthCheckSettings


@frozen
class HealthPingFailed:
    """From the ping client: the container could not be reached `max_fails` times in a row."""

    reason: str


FromPool = Start | Run | Remove | Dismiss
ToPool = Run | NeedWork | ContainerRemoved | RescheduleJob | ContainerDestroyed


@frozen(eq=False)
class SendAck:
    """To the sender of acknowledgements: `ack` for `controller`; what is not `blocking` it sends shrunk."""

    ack: AcknowledgementMessage
    controller: ControllerInstanceId
    blocking: bool
    user: Identity


@frozen(eq=False)
class StoreActivation:
    """To the store: keep this record of an activation that ended."""

    transid: TransactionId
    activation: WhiskActivation
    user: Identity
    blocking: bool
