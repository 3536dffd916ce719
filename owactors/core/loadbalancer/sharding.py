"""The sharding balancer's choice: each action has a home invoker, and a path from there over all others.

(OpenWhisk, ShardingContainerPoolBalancer.scala.) Memory in MB.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import ceil, floor, gcd

from attrs import define, field, frozen

from owactors.core.loadbalancer.javahash import home_hash
from owactors.core.loadbalancer.rooms import InvokerSlots, Rooms
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


#: values are shared: to make one takes longer than to find it
_chosen = lru_cache(maxsize=65536)(Chosen)


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
    _managed: Rooms = field(factory=Rooms)
    #: those for images that are pulled: the last ones, at least one
    _blackboxes: Rooms = field(factory=Rooms)
    #: by action, the invokers where a container that takes several activations has a place left
    _sharing: dict[str, set[int]] = field(factory=dict)

    @property
    def managed(self) -> Sequence[InvokerSlots]:
        """Where managed runtimes run."""
        return self._managed.candidates

    @property
    def blackboxes(self) -> Sequence[InvokerSlots]:
        """Where pulled images run."""
        return self._blackboxes.candidates

    def choose(self, wanted: Wanted, pick: int = 0) -> Chosen | None:
        """Take a place. `pick` is a random number: which usable invoker is forced when all are full. None: none up."""
        rooms = self._blackboxes if wanted.blackbox else self._managed
        if not rooms.usable:
            return None
        home, step = home_and_step(len(rooms.candidates), wanted.namespace, wanted.action)
        sharing = self._sharing.get(wanted.name, ()) if wanted.concurrency > 1 else ()
        invoker = rooms.nearest(home, step, wanted.memory, sharing)
        overloaded = invoker is None
        if invoker is None:
            invoker = rooms.usable[pick % len(rooms.usable)]
        if wanted.concurrency == 1:
            invoker.slots.memory.force_acquire(wanted.memory)
        else:
            invoker.slots.force_acquire(wanted.name, wanted.concurrency, wanted.memory)
        self._changed(invoker, wanted)
        return _chosen(invoker.instance, overloaded)

    def release(self, instance: int, wanted: Wanted) -> None:
        """The activation ended: its place is free. An unknown invoker is ignored."""
        if 0 <= instance < len(self.invokers):
            invoker = self.invokers[instance]
            invoker.slots.release(wanted.name, wanted.concurrency, wanted.memory)
            self._changed(invoker, wanted)

    def _changed(self, invoker: InvokerSlots, wanted: Wanted) -> None:
        """Enters in the books what is free there now."""
        if invoker.instance < self._managed.end:
            self._managed.moved(invoker)
        if invoker.instance >= self._blackboxes.first:
            self._blackboxes.moved(invoker)
        if wanted.concurrency > 1:
            self._share_or_not(invoker, wanted.name)

    def _share_or_not(self, invoker: InvokerSlots, name: str) -> None:
        if invoker.slots.has_place(name):
            self._sharing.setdefault(name, set()).add(invoker.instance)
        elif name in self._sharing:
            self._sharing[name].discard(invoker.instance)
            if not self._sharing[name]:
                del self._sharing[name]

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
        self._managed = Rooms.of(self.invokers[: max(1, ceil(count * managed))])
        self._blackboxes = Rooms.of(self.invokers[-max(1, floor(_exact(count * blackbox))) :])

    def update_cluster(self, size: int) -> None:
        """So many controllers share the invokers, at least one. A change forgets what is taken."""
        size = max(1, size)
        if size == self.cluster_size:
            return
        self.cluster_size = size
        for invoker in self.invokers:
            invoker.slots = NestedSemaphore.of(self._share(invoker.user_memory))
        self._sharing.clear()
        self._divide()

    def _update(self, invoker: InvokerSlots, memory: int, usable: bool) -> None:
        """An invoker that came back with other memory has more or less room, whatever is taken."""
        invoker.slots.memory.release(self._share(memory) - self._share(invoker.user_memory))
        invoker.usable, invoker.user_memory = usable, memory

    def _share(self, memory: int) -> int:
        return max(memory // self.cluster_size, self.memory_min)

    def validate(self) -> None:
        """Raises AssertionError if the books do not agree with the invokers."""
        self._managed.validate()
        self._blackboxes.validate()
        for invoker in self.invokers:
            for name in invoker.slots.actions | self._sharing.keys():
                assert invoker.slots.has_place(name) == (invoker.instance in self._sharing.get(name, ())), invoker


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
