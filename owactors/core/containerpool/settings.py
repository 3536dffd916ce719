"""What a pool is told at its start. Memory in MB, times in seconds. (OpenWhisk, ContainerPoolConfig.)"""

from __future__ import annotations

from attrs import field, frozen

from owactors.entity.exec import CodeExec, Exec
from owactors.entity.manifest import ExecManifest, ReactivePrewarm, RuntimeManifest, StemCell


@frozen
class PrewarmingConfig:
    """Keep `initial_count` prewarmed containers for `exec.kind` and `memory`, or as many as `reactive` says."""

    initial_count: int
    exec: Exec
    memory: int
    reactive: ReactivePrewarm | None = None

    def __attrs_post_init__(self) -> None:
        wrong = _what_is_wrong(self)
        if wrong:
            raise ValueError(f"prewarming of {self.exec.kind} with {self.memory} MB: {wrong}")

    @property
    def key(self) -> tuple[str, int]:
        """Kind and memory: what an action must match exactly."""
        return (self.exec.kind, self.memory)

    @property
    def ttl(self) -> float | None:
        """Life time of an unused prewarmed container; None: it stays."""
        return self.reactive.ttl if self.reactive else None

    @property
    def backfill_count(self) -> int:
        """How many there should be after one was lost."""
        return self.reactive.min_count if self.reactive else self.initial_count


def _what_is_wrong(config: PrewarmingConfig) -> str:
    reactive = config.reactive
    if config.initial_count < 1:
        return f"initialCount {config.initial_count} must be at least 1"
    if reactive is None:
        return ""
    if not 0 <= reactive.min_count <= reactive.max_count:
        return f"minCount {reactive.min_count} must be from 0 to maxCount {reactive.max_count}"
    if reactive.max_count < 1 or reactive.ttl <= 0 or reactive.threshold < 1:
        return "maxCount, ttl and threshold must be positive"
    if not 0 < reactive.increment <= reactive.max_count:
        return f"increment {reactive.increment} must be from 1 to maxCount {reactive.max_count}"
    return ""


def prewarming_of(manifest: ExecManifest) -> tuple[PrewarmingConfig, ...]:
    """The prewarming that the stem cells of a runtimes manifest ask for."""
    return tuple(_prewarming(runtime, cell) for runtime in manifest.runtimes.values() for cell in runtime.stem_cells)


def _prewarming(runtime: RuntimeManifest, cell: StemCell) -> PrewarmingConfig:
    return PrewarmingConfig(cell.initial_count, CodeExec(runtime.kind, ""), cell.memory.to_mb, cell.reactive)


@frozen
class PoolSettings:
    """`user_memory` MB for all containers together; the rest are OpenWhisk's keys of `whisk.container-pool`.

    `prewarm_max_retry_limit` failed starts of one kind are replaced at once, later ones after a pause that doubles
    from `prewarm_backoff` to `prewarm_backoff_limit` seconds. `resize_prewarmed`: one may serve an action that wants
    another amount of memory, since the back end can change it. `keep_alive` names a policy; `idle_ttl` is its time.
    """

    user_memory: int
    prewarming: tuple[PrewarmingConfig, ...] = ()
    prewarm_expiration_check_init_delay: float = 600.0
    prewarm_expiration_check_interval: float = 600.0
    prewarm_expiration_check_interval_variance: float = 10.0
    prewarm_expiration_limit: int = 100
    prewarm_max_retry_limit: int = 5
    prewarm_backoff: float = 1.0
    prewarm_backoff_limit: float = 60.0
    resize_prewarmed: bool = False
    log_message_interval: float = 10.0
    keep_alive: str = "ttl"
    idle_ttl: float = 600.0
    concurrent_peek_factor: float = field(default=0.5)

    @concurrent_peek_factor.validator
    def _share(self, _: object, value: float) -> None:
        if not 0 < value <= 1:
            raise ValueError(f"concurrent-peek-factor {value} must be above 0 and at most 1")

    def __attrs_post_init__(self) -> None:
        if self.user_memory < 1:
            raise ValueError(f"user-memory must be at least 1 MB, not {self.user_memory}")

    @property
    def reactive(self) -> bool:
        """True if any prewarming follows demand: only then there is a scheduled adjustment."""
        return any(config.reactive for config in self.prewarming)

    @property
    def idle_check_interval(self) -> float:
        """How often the keep-alive policy is asked whose time is over: a tenth of it, 10 s at most."""
        return min(10.0, max(0.1, self.idle_ttl / 10))

    def max_peek(self, memory_min: int, concurrency_max: int) -> int:
        """Activations an invoker fetches ahead: one per smallest container, more if containers take several at a time.

        `memory_min` in MB and `concurrency_max` are the smallest memory and the largest concurrency of an action.
        """
        containers = max(1, self.user_memory // memory_min)
        return max(containers, int(containers * concurrency_max * self.concurrent_peek_factor))
