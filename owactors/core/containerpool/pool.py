"""The pool's machine: `handle(event)` answers with what is to be done.

An activation that is accepted holds one credit until it ends. It goes to a container with room that serves its action
and namespace; else to a prewarmed one; else to a new one if memory allows; else idle containers are removed and it
waits until their memory is really free (it is *promised*); else it waits in the run buffer. Behind a blocked head
everything waits, so that a large one is not starved by small ones. (OpenWhisk, ContainerPool.scala.)
"""

from __future__ import annotations

from collections import deque
from typing import Any

from attrs import Factory, define, evolve, field

from owactors.core.containerpool.books import Books
from owactors.core.containerpool.entry import Entry, Group, Stage
from owactors.core.containerpool.events import PoolEvent
from owactors.core.containerpool.instructions import (
    CreateProxy,
    FailRun,
    PoolInstruction,
    ReleaseCredits,
    ReportWaiting,
    SendRemove,
    SendRun,
)
from owactors.core.containerpool.prewarming import Prewarming
from owactors.core.containerpool.rows import EVENTS
from owactors.core.containerpool.settings import PoolSettings
from owactors.core.containerpool.stem import prewarm
from owactors.core.containerpool.waiting import WaitingRuns
from owactors.core.keepalive.policies import make_policy
from owactors.core.keepalive.port import Gone, KeepAlive, StartKind
from owactors.message.container import ContainerDestroyed, ContainerRemoved, NeedWork, RescheduleJob, Run

#: Events kept for error reports.
STORY_LENGTH = 64

#: Messages that tell which activations ended.
Report = NeedWork | ContainerRemoved | RescheduleJob | ContainerDestroyed

_JOINING = {
    Stage.WARMED: StartKind.WARMED,
    Stage.WARMING: StartKind.WARMING,
    Stage.WARMING_COLD: StartKind.WARMING_COLD,
}


@define
class ContainerPool:
    """The machine. `policy` says which idle container goes; by default the one named in the settings."""

    settings: PoolSettings
    policy: KeepAlive = Factory(
        lambda self: make_policy(self.settings.keep_alive, self.settings.idle_ttl), takes_self=True
    )
    books: Books = Factory(lambda self: Books(self.settings.user_memory), takes_self=True)
    waiting: WaitingRuns = field(factory=WaitingRuns)
    prewarming: Prewarming = Factory(lambda self: Prewarming(self.settings), takes_self=True)
    accepted: set[str] = field(factory=set)
    draining: bool = False
    drained: bool = False
    story: deque[tuple[Any, ...]] = Factory(lambda: deque(maxlen=STORY_LENGTH))
    now: float = 0.0
    out: list[PoolInstruction] = field(factory=list)

    def handle(self, event: PoolEvent) -> list[PoolInstruction]:
        """Take one event; one of a container that is not in the books changes nothing."""
        self.out = []
        self.now = event.now
        EVENTS[type(event)](self, event)
        return self.out

    # Placement.

    def try_place(self, run: Run) -> bool:
        """Give the run a container, or the promise of one; False if it has to wait for others to end."""
        books = self.books
        group = books.find_group(run)
        entry = group.take() if group else None
        if entry is not None:
            self._dispatch(entry, run, _JOINING[entry.stage])
            return True
        memory = run.action.limits.memory
        stem_cell = self._stem_cell(run.action.exec.kind, memory)
        if stem_cell is not None:
            self._use_stem_cell(stem_cell, run)
            return True
        if self.has_room(memory):
            self._start_cold(run, StartKind.COLD)
            return True
        return self._make_room(run, memory)

    def has_room(self, memory: int) -> bool:
        """True if `memory` MB are free and promised to nobody."""
        return self.books.used + self.waiting.promised + memory <= self.books.limit

    def remove(self, entry: Entry, why: Gone) -> None:
        """Have the container destroyed; its memory stays in the books until that is done."""
        self.books.leave(entry)
        self.policy.gone(entry.number, why, self.now)
        self.out.append(SendRemove(entry.number))

    def _dispatch(self, entry: Entry, run: Run, start: StartKind) -> None:
        self.books.dispatch(entry, run, self.now)
        group = entry.group
        if group is not None:
            self.policy.dispatched(entry.number, group.function, entry.memory, start, self.now)
        self.out.append(SendRun(entry.number, run, start))

    def _stem_cell(self, kind: str, memory: int) -> Entry | None:
        """A prewarmed container of this kind and memory, or where that can be done one to be given this memory."""
        exact = self.books.prewarmed.first(kind, memory, self.now)
        if exact is not None or not self.prewarming.may_resize(self.now):
            return exact
        room = self.books.limit - self.books.used - self.waiting.promised
        return self.books.prewarmed.nearest(kind, memory, room, self.now)

    def _use_stem_cell(self, entry: Entry, run: Run) -> None:
        config = self.prewarming.config(entry.kind, entry.memory)
        self.books.assign_prewarm(entry, run)
        self._dispatch(entry, run, StartKind.PREWARMED)
        self._keep_promises()  # a larger one that was made smaller has set memory free
        if config is not None:
            prewarm(self, config, 1)

    def _start_cold(self, run: Run, start: StartKind) -> None:
        entry = self.books.add_cold(run)
        self.prewarming.count_cold_start(entry.kind, entry.memory)
        self.out.append(CreateProxy(entry.number))
        self._dispatch(entry, run, start)

    def _make_room(self, run: Run, memory: int) -> bool:
        """Promise the run memory that is on its way, after removing as many idle containers as that takes."""
        books = self.books
        lack = books.used - books.releasing + self.waiting.promised + memory - books.limit
        if lack > 0 and not self._reclaim(lack):
            return False
        self.waiting.promise(run)
        return True

    def _reclaim(self, lack: int) -> bool:
        """Remove containers of `lack` MB: idle ones, if need be prewarmed ones too; False: all would not be enough."""
        idle = self.books.idle
        if lack > idle + self.books.stem_cells:
            return False
        for number in self.policy.victims(min(lack, idle), self.now):
            entry = self.books.entries[number]
            lack -= entry.memory
            self.remove(entry, Gone.EVICTED)
        if lack > 0:
            self._reclaim_prewarmed(lack)
        return True

    def _reclaim_prewarmed(self, lack: int) -> None:
        """Those that are ready first; the making of others is given up."""
        self.prewarming.short = True
        prewarmed = self.books.prewarmed
        for entry in (*prewarmed.all_ready(), *prewarmed.all_starting()):
            if lack <= 0:
                return
            lack -= entry.memory
            self.remove(entry, Gone.EVICTED)

    # Waiting.

    def wait(self, run: Run, in_front: bool = False) -> None:
        """Put the run into the buffer, after a vain try to place it."""
        run = self._complained(run)
        if in_front:
            self.waiting.blocked.appendleft(run)
        else:
            self.waiting.blocked.append(run)

    def serve_waiting(self, group: Group | None = None) -> None:
        """Place whoever can be placed now: promised runs of a group that got room, promised ones, the buffer."""
        waiting = self.waiting
        if not len(waiting):
            return
        if group is not None:
            self._serve_group(group)
        self._keep_promises()
        blocked = waiting.blocked
        while blocked and self.try_place(blocked[0]):
            blocked.popleft()
        if blocked:
            blocked[0] = self._complained(blocked[0])

    def _complained(self, run: Run) -> Run:
        """The run with the time of the next complaint; one is made now if it is due."""
        if run.retry_log_deadline is not None and self.now < run.retry_log_deadline:
            return run
        self.out.append(ReportWaiting(run, len(self.waiting)))
        return evolve(run, retry_log_deadline=self.now + self.settings.log_message_interval)

    def _serve_group(self, group: Group) -> None:
        while (run := self.waiting.promised_of(group.key)) is not None:
            if self.books.find_group(run) is not group or (entry := group.take()) is None:
                return
            self.waiting.keep(run)
            self._dispatch(entry, run, _JOINING[entry.stage])

    def _keep_promises(self) -> None:
        books = self.books
        while (run := self.waiting.first_promised()) is not None:
            if books.used + run.action.limits.memory > books.limit:
                return
            self.waiting.keep(run)
            self._start_cold(run, StartKind.RECREATED)

    # Credit.

    def settle(self, entry: Entry, report: Report) -> None:
        """Some of the container's activations ended: their credits go back."""
        if not report.finished:
            return
        ended = self.books.settle(entry, report.finished, report.ended)
        if ended:
            self.accepted.difference_update(ended)
            self.out.append(ReleaseCredits(len(ended)))

    def fail(self, run: Run, reason: str) -> None:
        """The activation ends here, with a record that says why."""
        self.accepted.discard(run.msg.activation_id)
        self.out.append(FailRun(run, reason))
        self.out.append(ReleaseCredits(1))

    def abandon(self, run: Run, reason: str) -> list[PoolInstruction]:
        """After the machine failed on a run: end it, unless it got a container or waits all the same."""
        activation_id = run.msg.activation_id
        waiting = (*self.waiting.promised_runs(), *self.waiting.blocked)
        running = any(activation_id in entry.jobs for entry in self.books.entries.values())
        self.out = []
        if not running and all(other.msg.activation_id != activation_id for other in waiting):
            self.fail(run, reason)
        return self.out
