"""What an invoker and its container pool say to each other, beside Run."""

from __future__ import annotations

from attrs import frozen


@frozen
class Drain:
    """To the invoker or its pool: take no more work, finish what was accepted, remove all containers.

    Answered by `Drained`, to whoever said so last.
    """


@frozen
class Drained:
    """Nothing runs, nothing waits, no container is left."""


@frozen
class GetPoolStatus:
    """To the pool. PoolStatus comes back."""


@frozen
class PoolStatus:
    """Containers and memory (MB) by what they do, and the activations that run and wait."""

    user_memory: int
    busy_count: int
    busy_memory: int
    idle_count: int
    idle_memory: int
    prewarm_count: int
    prewarm_memory: int
    leaving_count: int
    leaving_memory: int
    running: int
    waiting_count: int
    waiting_memory: int
