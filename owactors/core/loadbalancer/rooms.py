"""Which invokers have room, in order of it: finds the first one on a path without looking at all the full ones.

Memory in MB; an index is a place among the candidates, which are invokers with consecutive numbers.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from math import isqrt

from attrs import define, field

from owactors.core.loadbalancer.frontiers import Frontiers
from owactors.core.loadbalancer.semaphores import NestedSemaphore

#: a key is free memory, and below that in so many bits the index; negative memory orders as it should
BITS = 24
INDEX = (1 << BITS) - 1
#: what is free where nothing may go
NEVER = -(1 << 62)
#: steps of a path before what is known of it is looked up
AT_FIRST = 8


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
    #: if no more than so many have room they are compared, else the path is gone
    _few: int = 0
    _frontiers: Frontiers = field(factory=Frontiers, eq=False, repr=False)

    @classmethod
    def of(cls, candidates: Sequence[InvokerSlots]) -> Rooms:
        """As they are now."""
        free = [each.slots.available if each.usable else NEVER for each in candidates]
        keys = sorted((room << BITS) + index for index, room in enumerate(free) if room != NEVER)
        count, first = len(candidates), candidates[0].instance if candidates else 0
        usable = [each for each in candidates if each.usable]
        return cls(candidates, usable, free, keys, first, first + count, isqrt(count))

    def moved(self, invoker: InvokerSlots) -> None:
        """What is free at one of the candidates may have changed."""
        index, now = invoker.instance - self.first, invoker.slots.memory.permits
        before = self._free[index]
        if before in (now, NEVER):
            return
        self._free[index] = now
        if now > before:
            self._frontiers.roomier(index)
        del self._keys[bisect_left(self._keys, (before << BITS) + index)]
        insort(self._keys, (now << BITS) + index)

    def nearest(self, home: int, step: int, memory: int, sharing: Collection[int]) -> InvokerSlots | None:
        """The first usable one from index `home` on, by `step`, with `memory` free or a number in `sharing`."""
        if len(sharing) > self._few:
            return self._met(home, step, memory, sharing)
        keys = self._keys
        begin = bisect_left(keys, memory << BITS)
        shared = self._indices(sharing) if sharing else []
        if len(keys) - begin <= self._few:
            return self._first_of(keys[begin:] + shared, home, step)
        free, count, index = self._free, len(self._free), home
        if not shared:
            for _ in range(AT_FIRST):
                if free[index] >= memory:
                    return self.candidates[index]
                index = (index + step) % count
        turn = min([self._turn_of_room(home, step, memory), *turns_of(shared, home, step, count)])
        return self.candidates[(home + turn * step) % count]

    def _met(self, home: int, step: int, memory: int, sharing: Collection[int]) -> InvokerSlots | None:
        """By going the path."""
        free, first, count, index = self._free, self.first, len(self._free), home
        for _ in range(count):
            if free[index] >= memory or (index + first in sharing and free[index] != NEVER):
                return self.candidates[index]
            index = (index + step) % count
        return None

    def _indices(self, numbers: Collection[int]) -> list[int]:
        """Of those invokers that are usable candidates."""
        free, first = self._free, self.first
        return [number - first for number in numbers if first <= number < self.end and free[number - first] != NEVER]

    def _turn_of_room(self, home: int, step: int, memory: int) -> int:
        """The path's first place with so much free; there is one."""
        free, count, path = self._free, len(self._free), (home, step, memory)
        full, roomier = self._frontiers.since(path)
        turn = min([full, *turns_of(roomier, home, step, count)])
        index = (home + turn * step) % count
        while free[index] < memory:
            turn += 1
            index += step
            if index >= count:
                index -= count
        self._frontiers.note(path, turn)
        return turn

    def _first_of(self, keys: list[int], home: int, step: int) -> InvokerSlots | None:
        """The one that the path meets first among those of these keys or indices. None: there are none."""
        if not keys:
            return None
        count = len(self._free)
        turn = min(turns_of(keys, home, step, count))
        return self.candidates[(home + turn * step) % count]

    def validate(self) -> None:
        """Raises AssertionError if the books do not agree with the invokers."""
        assert self == Rooms.of(self.candidates), self


def turns_of(keys: Iterable[int], home: int, step: int, count: int) -> list[int]:
    """After so many steps the path comes to each of these keys or indices."""
    back = turns_back(step, count)
    return [((key & INDEX) - home) * back % count for key in keys]


@lru_cache(maxsize=1024)
def turns_back(step: int, count: int) -> int:
    """So many steps lead from an index to the next one."""
    return pow(step, -1, count) if count > 1 else 0
