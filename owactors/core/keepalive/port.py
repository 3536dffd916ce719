"""The keep-alive port: what a pool tells a policy, and what it asks.

A policy knows of a container from its first `dispatched` until `gone`. It may name idle containers only, and names
each as often as it is asked: the pool says `gone` when it really removes one. Containers are numbers, functions are
names that stay the same over revisions, memory is in MB, times are seconds since the epoch.
"""

from __future__ import annotations

from enum import Enum
from typing import Protocol

from attrs import frozen


class StartKind(Enum):
    """How an activation found its container; the values are OpenWhisk's names in `invoker_containerStart.*`."""

    WARMED = "warmed"
    WARMING = "warming"
    WARMING_COLD = "warmingCold"
    PREWARMED = "prewarmed"
    COLD = "cold"
    RECREATED = "recreated"

    # Enum's own hash runs in Python; these are keys on the hot path.
    __hash__ = object.__hash__

    @property
    def joins(self) -> bool:
        """True if the container was there, for this function, before the activation."""
        return self in JOINING


JOINING = frozenset({StartKind.WARMED, StartKind.WARMING, StartKind.WARMING_COLD})


class Gone(Enum):
    """Why a container left the pool."""

    EVICTED = "evicted"
    EXPIRED = "expired"
    LEFT = "left"
    FAILED = "failed"


@frozen
class CostSample:
    """What one activation cost, in milliseconds: making and initialising its container (0 if warm), and the run."""

    init_ms: float
    run_ms: float


class KeepAlive(Protocol):
    """A policy. Every method must be O(log n) in the number of containers, `victims` per victim."""

    def arrived(self, function: str, now: float) -> None:
        """An activation of the function came in, also if it has to wait."""

    def dispatched(self, container: int, function: str, memory: int, start: StartKind, now: float) -> None:
        """An activation was given to the container, which is not idle from here on."""

    def became_idle(self, container: int, now: float, sample: CostSample | None = None) -> None:
        """Nothing runs in the container any more. `sample` is the cost of the last run, where it is known."""

    def gone(self, container: int, why: Gone, now: float) -> None:
        """The container is no longer the pool's; unknown ones are ignored."""

    def victims(self, lack: int, now: float) -> list[int]:
        """Idle containers to remove, in order, which together hold at least `lack` MB; [] if all idle ones do not."""

    def expired(self, now: float) -> list[int]:
        """Idle containers whose time is over, in order, whatever memory is free."""

    def explain(self, container: int, now: float) -> str:
        """One line: where the container stands in the order and why. For logs and tests."""
