"""What can happen to a container proxy.

Every event carries `now`, seconds since the epoch. `job` numbers the activation that an outcome belongs to; outcomes
of jobs that the machine has given up meanwhile are ignored.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

from owactors.core.logs import LogState
from owactors.core.reply import RunResult
from owactors.message.container import Run, Start
from owactors.message.containerdata import ContainerRef


@frozen
class StartAsked:
    """The pool wants a prewarmed container."""

    message: Start
    now: float


@frozen
class RunAsked:
    """The pool sends an activation."""

    run: Run
    now: float


@frozen
class RemoveAsked:
    """The pool wants the container gone."""

    now: float


@frozen
class DismissAsked:
    """The pool will send nothing more."""

    now: float


@frozen
class ContainerCreated:
    """The container listens. `phases`: how long each part of its making took, in ms (Container.phases)."""

    container: ContainerRef
    now: float
    phases: Mapping[str, float] = field(factory=dict, hash=False)


@frozen
class ContainerCreationFailed:
    """The platform could not make a container: whisk error. `reason` is shown to the user, None: the standard text."""

    reason: str | None
    now: float


@frozen
class BlackboxCreationFailed:
    """The user's image could not be pulled or started: developer error."""

    reason: str
    now: float


@frozen
class ContainerResized:
    """The prewarmed container has its action's memory; that took so many ms."""

    took: float
    now: float


@frozen
class ResizeFailed:
    """The prewarmed container could not be given another amount of memory."""

    reason: str
    now: float


@frozen
class Initialized:
    """POST /init ended, whatever came of it."""

    job: int
    result: RunResult
    now: float


@frozen
class LogsCollected:
    """The logs of a job are there, read as `state` says."""

    job: int
    lines: tuple[str, ...]
    state: LogState
    now: float


@frozen
class RunEnded:
    """POST /run ended, whatever came of it. `logs`: those of the job, if all of them came before the answer did."""

    job: int
    result: RunResult
    now: float
    logs: LogsCollected | None = None


@frozen
class ExchangeCrashed:
    """POST /init or /run raised what no one expected."""

    job: int
    reason: str
    now: float


@frozen
class LogsFailed:
    """Reading the logs of a job raised."""

    job: int
    reason: str
    now: float


@frozen
class LogsKept:
    """The logs of a job are in the files."""

    job: int
    now: float


@frozen
class LogsNotKept:
    """The logs of a job could not be written into the files."""

    job: int
    reason: str
    now: float


@frozen
class ContainerPaused:
    """The container is frozen."""

    now: float


@frozen
class PauseFailed:
    """The container could not be frozen."""

    reason: str
    now: float


@frozen
class ContainerResumed:
    """The container runs again."""

    now: float


@frozen
class ResumeFailed:
    """The container could not be thawed."""

    reason: str
    now: float


@frozen
class ContainerDestroyed:
    """The engine has removed the container."""

    now: float


@frozen
class DestroyFailed:
    """The engine could not remove the container."""

    reason: str
    now: float


@frozen
class HealthPingFailed:
    """The ping client gave the container up."""

    reason: str
    now: float


@frozen
class IdleTimerFired:
    """Pause grace or unused timeout may be over."""

    now: float


@frozen
class DestroyRetryDue:
    """Try once more to remove the container."""

    now: float


@frozen
class LingerOver:
    """The pool did not dismiss this proxy for a while."""

    now: float


@frozen
class ShellFailed:
    """The actor could not do its part, or is told to exit: every job has to end now."""

    reason: str
    now: float


Event = (
    StartAsked
    | RunAsked
    | RemoveAsked
    | DismissAsked
    | ContainerCreated
    | ContainerCreationFailed
    | BlackboxCreationFailed
    | ContainerResized
    | ResizeFailed
    | Initialized
    | RunEnded
    | ExchangeCrashed
    | LogsCollected
    | LogsFailed
    | LogsKept
    | LogsNotKept
    | ContainerPaused
    | PauseFailed
    | ContainerResumed
    | ResumeFailed
    | ContainerDestroyed
    | DestroyFailed
    | HealthPingFailed
    | IdleTimerFired
    | DestroyRetryDue
    | LingerOver
    | ShellFailed
)
JobOutcome = Initialized | RunEnded | ExchangeCrashed | LogsCollected | LogsFailed | LogsKept | LogsNotKept
