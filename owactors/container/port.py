"""The port between a container proxy and what runs actions: `ContainerFactory` makes `Container`s.

Back ends (sandbox, docker, memory) implement both protocols and pass one contract suite. All sizes are bytes,
all times seconds, all coroutines run on the loop that called `ContainerFactory.start()`. (OpenWhisk,
Container.scala and ContainerFactory.scala.)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from attrs import field, frozen

from owactors.core.logs import LogState
from owactors.core.reply import RunResult

MIB = 1024 * 1024
DEFAULT_RESPONSE_LIMIT = MIB
DEFAULT_LOG_LIMIT = 10 * MIB


class WhiskContainerStartupError(Exception):
    """The platform could not make a container (no engine, no launcher, no memory); the message says what to
    do.
    """


class BlackboxStartupError(Exception):
    """The user's own image could not be pulled or started; the message names the image."""


class ClusterResourceError(Exception):
    """No room for `required` bytes of memory where containers are placed."""

    def __init__(self, required: int) -> None:
        super().__init__(f"no room for a container of {required} bytes")
        self.required = required


class ContainerError(Exception):
    """Pausing, resuming or removing a container did not work; the container must not be used again."""


@frozen
class ContainerSpec:
    """What is wanted.

    `kind` selects the launcher in back ends without images; `image` is the full image name for those with. An
    image is pulled only if `user_provided_image`. `cpu_shares` 0 and `cpu_limit` None (cores) mean no limit.
    `pull_policy`: what the action says of that, "" for nothing (Always, IfNotPresent or Never).
    Who waits for a `prewarm` container waits for nobody's call.
    `environment` is all that a process in the container sees before /init, beside what its runtime needs.
    """

    name: str
    kind: str
    image: str = ""
    user_provided_image: bool = False
    memory: int = 256 * MIB
    cpu_shares: int = 0
    cpu_limit: float | None = None
    pids_limit: int = 1024
    prewarm: bool = False
    pull_policy: str = ""
    labels: Mapping[str, str] = field(factory=dict)
    environment: Mapping[str, str] = field(factory=dict)


@frozen
class Logs:
    """The lines of one activation, each `TIMESTAMP stream: text` with the timestamp padded to 30 columns.

    `truncated` and `timed_out` end in one more line on stderr which says so (OpenWhisk,
    DockerToActivationLogStore.scala).
    """

    lines: tuple[str, ...]
    state: LogState = "complete"


@frozen
class Protection:
    """One thing that holds a function back: its name, whether it is on, and by what means or why not."""

    name: str
    on: bool
    detail: str


@frozen
class StartReport:
    """What a back end found when it started."""

    backend: str
    protections: tuple[Protection, ...]
    swept: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """One sentence per protection, for the log and for `owactors doctor`."""
        return [f"{p.name}: {'on' if p.on else 'off'} ({p.detail})" for p in self.protections]


class Container(Protocol):
    """One running container. The caller serialises `suspend`, `resume` and `destroy`; `run` need not be.

    `backend` is the back end's name, `kind` that of the action it was made for. `phases`: how long each part of its
    making took, in seconds and in order: `pull`, `queue` (for others to start), `create`, `start`, `ready` (from the
    start until it listens); those that were not needed are left out.
    """

    backend: str
    kind: str
    phases: Mapping[str, float]

    @property
    def id(self) -> str:
        """Unique for all times."""
        ...

    @property
    def address(self) -> str:
        """Where it listens: `unix:/path`, `host:port` or `memory:id`."""
        ...

    async def rehearse(self) -> None:
        """Have it load what its first call would load, while nobody waits for it. Says nothing if that fails."""
        ...

    async def initialize(self, body: Mapping[str, Any], timeout: float, max_concurrent: int = 1) -> RunResult:
        """POST /init with the JSON object `body`. No retries: a container listens from its creation on."""
        ...

    async def run(
        self,
        body: Mapping[str, Any],
        timeout: float,
        max_concurrent: int = 1,
        *,
        response_limit: int = DEFAULT_RESPONSE_LIMIT,
        truncation_limit: int = DEFAULT_RESPONSE_LIMIT,
        log_limit: int = DEFAULT_LOG_LIMIT,
    ) -> RunResult:
        """POST /run with the JSON object `body`, never repeated.

        The outcome is `ConnectionFailed` only if not one byte of the request was sent, so such a run may be
        placed elsewhere; whatever breaks later is `NoResponseReceived`, `RunTimeout` or `MemoryExhausted`. Of
        a reply longer than `response_limit` the first `truncation_limit` bytes are kept. No more than
        `log_limit` bytes of output are kept for `logs`.
        """
        ...

    async def suspend(self) -> None:
        """Close all connections and freeze every process of the container. Raises ContainerError."""
        ...

    async def resume(self) -> None:
        """Undo `suspend`. Raises ContainerError."""
        ...

    async def resize(self, memory: int, cpu_shares: int = 0, cpu_limit: float | None = None) -> None:
        """Give it another amount of memory (bytes) and another share of the processors, see ContainerSpec.

        For a container that was not initialised yet, of a factory that `resizes`. Raises ContainerError.
        """
        ...

    async def destroy(self) -> None:
        """Kill every process and remove every trace. Also if frozen or dead, and again."""
        ...

    def logs_at_hand(self, limit: int, activation_id: str) -> Logs | None:
        """The output of the run with this id, as from `logs`, if it has come up to its end marks already.

        None if it has not, or if no run has this id: then `logs` waits for it.
        """
        ...

    async def logs(self, limit: int, wait_for_sentinel: bool, activation_id: str = "") -> Logs:
        """Output of the run with this id (its field `activation_id`), or of the oldest run whose logs were not
        collected yet; that of /init belongs to the first.

        With `wait_for_sentinel` it waits for the end marks of both streams, at most 2 s after the last line
        and max(5, limit in MiB) x 2 s in all; without it takes what is there.
        """
        ...

    async def ping(self) -> bool:
        """True if a connection to the container can be made."""
        ...


class ContainerFactory(Protocol):
    """Makes containers and is responsible that none outlives its node for more than one sweep.

    `backend` is the back end's name: sandbox, docker or memory. `resizes`, once started: containers can be resized.
    """

    backend: str

    @property
    def resizes(self) -> bool:
        """See the class."""
        ...

    async def start(self) -> StartReport:
        """Probe the machine, sweep what dead nodes left. Raises WhiskContainerStartupError."""
        ...

    async def create(self, spec: ContainerSpec) -> Container:
        """A container that listens. Raises WhiskContainerStartupError, BlackboxStartupError,
        ClusterResourceError.

        If the caller is cancelled, what was made is removed before that is raised; nothing is left behind.
        """
        ...

    async def sweep(self) -> list[str]:
        """Remove leftovers: of dead nodes with the same data, and of this one what it does not know. Their
        ids.
        """
        ...

    async def close(self) -> None:
        """Destroy every container and remove everything else the factory made."""
        ...
