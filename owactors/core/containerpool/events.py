"""What happens to a pool. `now` is seconds since the epoch; containers are the pool's own numbers."""

from __future__ import annotations

from attrs import frozen

from owactors.message.container import Run, ToPool


@frozen
class Submit:
    """An activation to place; it took one credit of the feed."""

    run: Run
    now: float


@frozen
class FromProxy:
    """A proxy said this."""

    container: int
    message: ToPool
    now: float


@frozen
class ProxyExited:
    """A proxy is gone, with or without having said so; `reason` goes into the records of what it was running."""

    container: int
    reason: str
    now: float


@frozen
class StartPool:
    """Make the prewarmed containers. Once, before anything else."""

    now: float


@frozen
class AdjustPrewarmedContainer:
    """The scheduled look at prewarmed containers: remove expired ones, follow demand."""

    now: float


@frozen
class BackfillPrewarmed:
    """The pause after failed starts of prewarmed containers is over."""

    now: float


@frozen
class ExpireIdle:
    """Remove the idle containers whose time is over, by the keep-alive policy."""

    now: float


@frozen
class DrainPool:
    """Finish what was accepted, then remove every container."""

    now: float


PoolEvent = (
    Submit | FromProxy | ProxyExited | StartPool | AdjustPrewarmedContainer | BackfillPrewarmed | ExpireIdle | DrainPool
)
