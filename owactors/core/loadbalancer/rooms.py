"""Which invokers have room, in order of it: finds the first one on a path without looking at all the full ones.

Memory in MB; an index is a place among the candidates, which are invokers with consecutive numbers.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Collection, Sequence
from functools import lru_cache
from math import isqrt

from attrs import define, field

from owactors.core.loadbalancer.semaphores import NestedSemaphore

#: a key is free memory, and below that in so many bits the index; negative memory orders as it should
BITS = 24
INDEX = (1 << BITS) - 1
#: what is free where nothing may go
NEVER = -(1 << 62)


@define
class InvokerSlots:
    """An invoker, whether it is usable, and this controller's share of its memory."""

    instance: int
    user_memory: int
    usable: bool
    slots: NestedSemaphore


@define
class Rooms:
    """Candidates for one kind of actions. Whoever takes or gives memory of one tells it by `moved`."""

    candidates: Sequence[InvokerSlots] = ()
    #: in the order of their numbers
    usable: list[InvokerSlots] = field(factory=list)
    #: what is free by index, and one key for each usable one, the least room first
    _free: list[int] = field(factory=list)
    _keys: list[int] = field(factory=list)
    #: number of the first candidate, and behind the last one
    first: int = 0
    end: int = 0
    #: if no more than so many have room they are compared, else so many steps of the path are gone
    _stages: tuple[tuple[int, int], ...] = ()

    @classmethod
    def of(cls, candidates: Sequence[InvokerSlots]) -> Rooms:
        """As they are now."""
        free = [each.slots.available if each.usable else NEVER for each in candidates]
        keys = sorted((room << BITS) + index for index, room in enumerate(free) if room != NEVER)
        count, first = len(candidates), candidates[0].instance if candidates else 0
        stages = ((isqrt(count), 4 * isqrt(count)), (count // 4, count))
        usable = [each for each in candidates if each.usable]
        return cls(candidates, usable, free, keys, first, first + count, stages)

    def moved(self, invoker: InvokerSlots) -> None:
        """What is free at one of the candidates may have changed."""
        index, now = invoker.instance - self.first, invoker.slots.memory.permits
        before = self._free[index]
        if before in (now, NEVER):
            return
        self._free[index] = now
        del self._keys[bisect_left(self._keys, (before << BITS) + index)]
        insort(self._keys, (now << BITS) + index)

    def nearest(self, home: int, step: int, memory: int, sharing: Collection[int]) -> InvokerSlots | None:
        """The first usable one from index `home` on, by `step`, with `memory` free or a number in `sharing`."""
        free, keys, first = self._free, self._keys, self.first
        begin, index, count = bisect_left(keys, memory << BITS), home, len(free)
        for worth, steps in self._stages:
            if len(keys) - begin + len(sharing) <= worth:
                return self._first_of(keys[begin:], sharing, home, step)
            for _ in range(steps):
                if free[index] >= memory or (sharing and index + first in sharing and free[index] != NEVER):
                    return self.candidates[index]
                index += step
                if index >= count:
                    index -= count
        return None

    def _first_of(self, keys: list[int], sharing: Collection[int], home: int, step: int) -> InvokerSlots | None:
        """The one that the path meets first, among these and the usable ones in `sharing`. None: there are none."""
        free, count, first = self._free, len(self._free), self.first
        if sharing:
            shared = [number - first for number in sharing]
            keys += [index for index in shared if 0 <= index < count and free[index] != NEVER]
        if not keys:
            return None
        back = turns_back(step, count)
        turn = min([((key & INDEX) - home) * back % count for key in keys])
        return self.candidates[(home + turn * step) % count]

    def validate(self) -> None:
        """Raises AssertionError if the books do not agree with the invokers."""
        assert self == Rooms.of(self.candidates), self


@lru_cache(maxsize=1024)
def turns_back(step: int, count: int) -> int:
    """So many steps lead from an index to the next one."""
    return pow(step, -1, count) if count > 1 else 0
