"""The sharding balancer's choice: each action has a home invoker, and a path from there over all others.

(OpenWhisk, ShardingContainerPoolBalancer.scala.) Memory in MB.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import ceil, floor, gcd

from attrs import define, field, frozen

from owactors.core.loadbalancer.javahash import home_hash
from owactors.core.loadbalancer.semaphores import NestedSemaphore


@frozen
class Wanted:
    """One activation to place.

    `namespace` invokes; `action` is "ns[/pkg]/name", `version` its version; `blackbox` means its image is pulled.
    """

    namespace: str
    action: str
    version: str
    memory: int
    concurrency: int = 1
    blackbox: bool = False

    @property
    def name(self) -> str:
        """What shares containers: action and version."""
        return f"{self.action}@{self.version}"


@frozen
class Chosen:
    """The invoker's number; `overloaded` if all were full and this one was taken by force."""

    invoker: int
    overloaded: bool = False


@define
class InvokerSlots:
    """An invoker, whether it is usable, and this controller's share of its memory."""

    instance: int
    user_memory: int
    usable: bool
    slots: NestedSemaphore


@lru_cache(maxsize=1024)
def pairwise_coprimes(until: int) -> tuple[int, ...]:
    """The numbers from 1 to `until` that are coprime to it and to all kept before them."""
    kept: list[int] = []
    for number in range(1, until + 1):
        if gcd(number, until) == 1 and all(gcd(number, other) == 1 for other in kept):
            kept.append(number)
    return tuple(kept)


@define
class ShardingChoice:
    """One controller's view of the invokers. `managed_fraction` and `blackbox_fraction` are from 0 to 1."""

    managed_fraction: float = 0.9
    blackbox_fraction: float = 0.1
    memory_min: int = 128
    cluster_size: int = 1
    invokers: list[InvokerSlots] = field(factory=list)
    #: those for managed runtimes: the first ones, at least one
    managed: Sequence[InvokerSlots] = ()
    #: those for images that are pulled: the last ones, at least one
    blackboxes: Sequence[InvokerSlots] = ()

    def choose(self, wanted: Wanted, pick: int = 0) -> Chosen | None:
        """Take a place. `pick` is a random number: which usable invoker is forced when all are full. None: none up."""
        candidates = self.blackboxes if wanted.blackbox else self.managed
        count, memory, shared = len(candidates), wanted.memory, wanted.concurrency > 1
        if not count:
            return None
        index, step = home_and_step(count, wanted.namespace, wanted.action)
        for _ in range(count):
            invoker = candidates[index]
            if invoker.usable and (
                invoker.slots.try_acquire(wanted.name, wanted.concurrency, memory)
                if shared
                else invoker.slots.memory.try_acquire(memory)
            ):
                return Chosen(invoker.instance)
            index += step
            if index >= count:
                index -= count
        return self._force(wanted, [invoker for invoker in candidates if invoker.usable], pick)

    def release(self, instance: int, wanted: Wanted) -> None:
        """The activation ended: its place is free. An unknown invoker is ignored."""
        if 0 <= instance < len(self.invokers):
            self.invokers[instance].slots.release(wanted.name, wanted.concurrency, wanted.memory)

    def update_invokers(self, known: Sequence[tuple[int, bool]]) -> None:
        """All invokers by number, as (memory, usable). Those known before keep what is taken there."""
        for instance, (memory, usable) in enumerate(known):
            if instance < len(self.invokers):
                self._update(self.invokers[instance], memory, usable)
            else:
                slots = NestedSemaphore.of(self._share(memory))
                self.invokers.append(InvokerSlots(instance, memory, usable, slots))
        self._divide()

    def _divide(self) -> None:
        """What runs where."""
        count = len(self.invokers)
        managed = min(1.0, max(0.0, self.managed_fraction))
        blackbox = max(1.0 - managed, min(1.0, self.blackbox_fraction))
        self.managed = self.invokers[: max(1, ceil(count * managed))]
        self.blackboxes = self.invokers[-max(1, floor(_exact(count * blackbox))) :]

    def update_cluster(self, size: int) -> None:
        """So many controllers share the invokers, at least one. A change forgets what is taken."""
        size = max(1, size)
        if size == self.cluster_size:
            return
        self.cluster_size = size
        for invoker in self.invokers:
            invoker.slots = NestedSemaphore.of(self._share(invoker.user_memory))

    def _update(self, invoker: InvokerSlots, memory: int, usable: bool) -> None:
        """An invoker that came back with other memory has more or less room, whatever is taken."""
        invoker.slots.memory.release(self._share(memory) - self._share(invoker.user_memory))
        invoker.usable, invoker.user_memory = usable, memory

    def _share(self, memory: int) -> int:
        return max(memory // self.cluster_size, self.memory_min)

    def _force(self, wanted: Wanted, usable: Sequence[InvokerSlots], pick: int) -> Chosen | None:
        if not usable:
            return None
        invoker = usable[pick % len(usable)]
        invoker.slots.force_acquire(wanted.name, wanted.concurrency, wanted.memory)
        return Chosen(invoker.instance, overloaded=True)


def path(count: int, hash_value: int) -> Sequence[int]:
    """Every index below `count` once, from the home of this hash on, by a step that fits."""
    home, step = _home_and_step(count, hash_value)
    return [(home + turn * step) % count for turn in range(count)]


@lru_cache(maxsize=65536)
def home_and_step(count: int, namespace: str, action: str) -> tuple[int, int]:
    """Where an action's path over `count` invokers begins, and how it goes on."""
    return _home_and_step(count, home_hash(namespace, action))


def _home_and_step(count: int, hash_value: int) -> tuple[int, int]:
    steps = pairwise_coprimes(count)
    return hash_value % count, steps[hash_value % len(steps)]


def _exact(value: float) -> float:
    """Without the rounding error of a fraction such as 1 - 0.9."""
    return round(value, 9)
