"""Room on an invoker: permits in MB, and within them activations that share a container.

(OpenWhisk, NestedSemaphore.scala, ForcibleSemaphore.scala, ResizableSemaphore.scala.)
"""

from __future__ import annotations

from attrs import define, field


@define
class ForcibleSemaphore:
    """`permits` may be taken below zero by force; then releases climb back before anything is given again."""

    permits: int

    def try_acquire(self, count: int = 1) -> bool:
        """Take `count` permits if there are so many."""
        if self.permits < count:
            return False
        self.permits -= count
        return True

    def force_acquire(self, count: int = 1) -> None:
        """Take `count` permits, whether they are there or not."""
        self.permits -= count

    def release(self, count: int = 1) -> None:
        """Give `count` permits back."""
        self.permits += count


@define
class Shared:
    """The containers of one action that take several activations at once: free places, and activations inside."""

    free: int = 0
    outstanding: int = 0


@define
class NestedSemaphore:
    """Memory permits of one invoker. An action of concurrency m takes memory for every m activations only."""

    memory: ForcibleSemaphore
    _shared: dict[str, Shared] = field(factory=dict)

    @classmethod
    def of(cls, memory: int) -> NestedSemaphore:
        """With `memory` MB."""
        return cls(ForcibleSemaphore(memory))

    @property
    def available(self) -> int:
        """MB that are free; negative after forced acquisitions."""
        return self.memory.permits

    @property
    def actions(self) -> frozenset[str]:
        """Actions of several activations per container that have some outstanding."""
        return frozenset(self._shared)

    def has_place(self, action: str) -> bool:
        """Whether a container of the action has a place left."""
        shared = self._shared.get(action)
        return shared is not None and shared.free > 0

    def try_acquire(self, action: str, concurrency: int, memory: int) -> bool:
        """A place for one activation of the action, named with its version; False if there is no room."""
        if concurrency == 1:
            return self.memory.try_acquire(memory)
        shared = self._shared.get(action)
        if shared is not None and shared.free > 0:
            shared.free -= 1
            shared.outstanding += 1
            return True
        if not self.memory.try_acquire(memory):
            return False
        self._add_container(action, concurrency)
        return True

    def force_acquire(self, action: str, concurrency: int, memory: int) -> None:
        """A place, whether there is room or not."""
        if not self.try_acquire(action, concurrency, memory):
            self.memory.force_acquire(memory)
            if concurrency > 1:
                self._add_container(action, concurrency)

    def release(self, action: str, concurrency: int, memory: int) -> None:
        """One activation ended; a place that was never taken is not given back."""
        if concurrency == 1:
            self.memory.release(memory)
            return
        shared = self._shared.get(action)
        if shared is None:
            return
        shared.outstanding -= 1
        shared.free += 1
        if shared.free % concurrency == 0:
            shared.free -= concurrency
            self.memory.release(memory)
        if shared.outstanding == 0:
            del self._shared[action]

    def _add_container(self, action: str, concurrency: int) -> None:
        shared = self._shared.setdefault(action, Shared())
        shared.free += concurrency - 1
        shared.outstanding += 1
