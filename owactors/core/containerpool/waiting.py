"""Activations without a container: those whose memory is on the way, behind them the run buffer, in order."""

from __future__ import annotations

from collections import deque

from attrs import define, field

from owactors.core.containerpool.entry import GroupKey, group_key
from owactors.message.container import Run


@define(eq=False)
class Promise:
    """A run for which room is being made; `kept` once it has a container, whichever."""

    run: Run
    kept: bool = False


@define
class WaitingRuns:
    """`promised` MB belong to runs that wait only for containers to be gone; `blocked` are in order of arrival."""

    promised: int = 0
    blocked: deque[Run] = field(factory=deque)
    _promises: deque[Promise] = field(factory=deque)
    _by_group: dict[GroupKey, deque[Promise]] = field(factory=dict)
    _promise_count: int = 0

    def __len__(self) -> int:
        return len(self.blocked) + self._promise_count

    def promise(self, run: Run) -> None:
        """Room for the run is on the way."""
        promise = Promise(run)
        self.promised += run.action.limits.memory
        self._promise_count += 1
        self._promises.append(promise)
        self._by_group.setdefault(group_key(run), deque()).append(promise)

    def first_promised(self) -> Run | None:
        """The promised run that waits longest."""
        while self._promises and self._promises[0].kept:
            self._promises.popleft()
        return self._promises[0].run if self._promises else None

    def promised_of(self, key: GroupKey) -> Run | None:
        """The promised run of this group key that waits longest."""
        line = self._by_group.get(key)
        return line[0].run if line else None

    def keep(self, run: Run) -> None:
        """The run, which is the first of its group key, has a container now."""
        key = group_key(run)
        line = self._by_group[key]
        line.popleft().kept = True
        if not line:
            del self._by_group[key]
        self.promised -= run.action.limits.memory
        self._promise_count -= 1

    def promised_runs(self) -> list[Run]:
        """All promised runs in order."""
        return [promise.run for promise in self._promises if not promise.kept]
