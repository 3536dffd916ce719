"""Idle containers in the order in which they should go: a priority queue whose members may leave at any time."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heapify, heappop, heappush

from attrs import define, field

#: Stale entries are swept out once they outnumber the members by this much.
SLACK = 64


@define
class IdleOrder:
    """Numbers with a priority and a memory size (MB); the lowest priority is first, ties go to the lower number."""

    total_memory: int = 0
    _members: dict[int, tuple[float, int]] = field(factory=dict)
    _heap: list[tuple[float, int]] = field(factory=list)

    def __len__(self) -> int:
        return len(self._members)

    def __contains__(self, container: int) -> bool:
        return container in self._members

    def add(self, container: int, priority: float, memory: int) -> None:
        """Put the container in, or give it another place."""
        self.discard(container)
        self._members[container] = (priority, memory)
        self.total_memory += memory
        heappush(self._heap, (priority, container))
        if len(self._heap) > 2 * len(self._members) + SLACK:
            self._sweep()

    def discard(self, container: int) -> None:
        """Take the container out if it is in."""
        member = self._members.pop(container, None)
        if member is not None:
            self.total_memory -= member[1]

    def priority(self, container: int) -> float | None:
        """Its priority, or None if it is not in."""
        member = self._members.get(container)
        return member[0] if member else None

    def lowest(self, lack: int) -> list[int]:
        """The first members that together hold at least `lack` MB; [] if all of them do not. Nothing is taken out."""
        if lack <= 0 or lack > self.total_memory:
            return []
        found: list[int] = []
        for container in self._in_order():
            found.append(container)
            lack -= self._members[container][1]
            if lack <= 0:
                break
        return found

    def up_to(self, priority: float) -> list[int]:
        """All members with at most this priority, in order. Nothing is taken out."""
        found = []
        for container in self._in_order():
            if self._members[container][0] > priority:
                break
            found.append(container)
        return found

    def _in_order(self) -> Iterator[int]:
        """Members in order; what is popped from the heap on the way is put back at the end."""
        passed: list[tuple[float, int]] = []
        try:
            while self._heap:
                entry = heappop(self._heap)
                member = self._members.get(entry[1])
                if member is None or member[0] != entry[0] or (passed and passed[-1] == entry):
                    continue
                passed.append(entry)
                yield entry[1]
        finally:
            for entry in passed:
                heappush(self._heap, entry)

    def _sweep(self) -> None:
        self._heap = [(priority, container) for container, (priority, _) in self._members.items()]
        heapify(self._heap)
