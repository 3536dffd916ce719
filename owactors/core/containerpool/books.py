"""The pool's books: every container once, the memory it takes, and the indexes that make placement fast.

Memory in MB. A container's memory stays in the books until the engine has freed it.
"""

from __future__ import annotations

from attrs import define, field

from owactors.core.containerpool.entry import SERVING, Entry, Group, GroupKey, Stage, group_key, same_action
from owactors.core.containerpool.prewarmed import PrewarmedIndex
from owactors.message.container import Run


class PoolDefect(Exception):
    """An invariant of the pool does not hold; the text says which, and has the pool's story."""


@define
class Books:
    """`used` of `limit`; of that `releasing` belongs to containers that are going, `idle` to those that may go."""

    limit: int
    entries: dict[int, Entry] = field(factory=dict)
    groups: dict[GroupKey, list[Group]] = field(factory=dict)
    prewarmed: PrewarmedIndex = field(factory=PrewarmedIndex)
    used: int = 0
    releasing: int = 0
    idle: int = 0
    running: int = 0
    _last_number: int = 0

    @property
    def stem_cells(self) -> int:
        """MB of prewarmed containers, ready or being made: nobody runs in them."""
        return self.prewarmed.memory + self.prewarmed.starting_memory

    def find_group(self, run: Run) -> Group | None:
        """The group whose containers can serve the run, if there is one."""
        action = run.action
        for group in self.groups.get(group_key(run), ()):
            if group.action is action:
                return group
            if same_action(group.action, action):
                group.action = action  # the newer object makes the next comparison cheap
                return group
        return None

    def group_for(self, run: Run) -> Group:
        """The run's group, made if need be."""
        found = self.find_group(run)
        if found is None:
            key = group_key(run)
            found = Group(key, run.action, "/".join(key))
            self.groups.setdefault(key, []).append(found)
        return found

    def add_cold(self, run: Run) -> Entry:
        """Book a container to be made for the run."""
        entry = self._new(run.action.limits.memory, Stage.WARMING_COLD, run.action.exec.kind)
        self._join(entry, self.group_for(run))
        return entry

    def add_prewarm(self, kind: str, memory: int) -> Entry:
        """Book a prewarmed container to be made."""
        entry = self._new(memory, Stage.STARTING, kind)
        self.prewarmed.starting(entry)
        return entry

    def prewarm_is_ready(self, entry: Entry, expires: float | None) -> None:
        """STARTING -> PREWARMED."""
        entry.stage, entry.expires = Stage.PREWARMED, expires
        self.prewarmed.ready(entry)

    def assign_prewarm(self, entry: Entry, run: Run) -> None:
        """PREWARMED -> WARMING, for the run's action; it has that action's memory from now on."""
        self.prewarmed.drop(entry)
        entry.stage = Stage.WARMING
        memory = run.action.limits.memory
        self.used += memory - entry.memory
        entry.resized, entry.memory = entry.memory != memory, memory
        self._join(entry, self.group_for(run))

    def dispatch(self, entry: Entry, run: Run, now: float) -> None:
        """The run goes to the container, which was taken out of its group's open ones."""
        if entry.is_idle:
            self.idle -= entry.memory
        entry.jobs[run.msg.activation_id] = run
        entry.last_used = now
        self.running += 1
        self._offer(entry)

    def settle(self, entry: Entry, finished: int, ids: tuple[str, ...]) -> list[str]:
        """Take out the activations of these ids, without ids the `finished` oldest; answers those that were there."""
        ended = [one for one in ids if one in entry.jobs] if ids else list(entry.jobs)[:finished]
        for activation_id in ended:
            del entry.jobs[activation_id]
        if ended:
            self.running -= len(ended)
            self._after_leaving(entry)
        return ended

    def take_back(self, entry: Entry, activation_id: str) -> Run | None:
        """Take out one activation that was not run."""
        run = entry.jobs.pop(activation_id, None)
        if run is not None:
            self.running -= 1
            self._after_leaving(entry)
        return run

    def warmed(self, entry: Entry) -> None:
        """WARMING* -> WARMED: its /init succeeded."""
        if entry.stage is Stage.WARMED or entry.group is None:
            return
        entry.group.open[entry.stage].pop(entry.number, None)
        entry.stage = Stage.WARMED
        if not entry.jobs:
            self.idle += entry.memory
        self._offer(entry)

    def leave(self, entry: Entry) -> None:
        """Any stage -> REMOVING: nothing more is sent to it; its memory is on the way back."""
        if entry.stage in (Stage.REMOVING, Stage.GONE):
            return
        if entry.is_idle:
            self.idle -= entry.memory
        self._forget_place(entry)
        entry.stage = Stage.REMOVING
        self.releasing += entry.memory

    def free(self, entry: Entry) -> None:
        """REMOVING -> GONE: its memory is free. It leaves the books unless activations must still come back."""
        self.leave(entry)
        if entry.stage is Stage.REMOVING:
            entry.stage = Stage.GONE
            self.releasing -= entry.memory
            self.used -= entry.memory
        self.forget_if_done(entry)

    def forget_if_done(self, entry: Entry) -> None:
        """Drop the entry if its memory is free and no activation is missing."""
        if entry.stage is Stage.GONE and not entry.jobs:
            self.entries.pop(entry.number, None)

    def _new(self, memory: int, stage: Stage, kind: str) -> Entry:
        self._last_number += 1
        entry = Entry(self._last_number, memory, stage, kind)
        self.entries[entry.number] = entry
        self.used += memory
        return entry

    def _join(self, entry: Entry, group: Group) -> None:
        entry.group = group
        group.members += 1

    def _offer(self, entry: Entry) -> None:
        """Put it among the open ones of its group if it has room."""
        if entry.group is not None and entry.has_capacity:
            entry.group.open[entry.stage][entry.number] = entry

    def _after_leaving(self, entry: Entry) -> None:
        """An activation left the container, which has room now if it still serves."""
        if entry.stage not in SERVING:
            return
        if entry.is_idle:
            self.idle += entry.memory
        self._offer(entry)

    def _forget_place(self, entry: Entry) -> None:
        """Take it out of the indexes."""
        self.prewarmed.drop(entry)
        group = entry.group
        if group is None:
            return
        entry.group = None
        group.open[entry.stage].pop(entry.number, None)
        group.members -= 1
        if group.members == 0:
            remaining = [other for other in self.groups[group.key] if other is not group]
            if remaining:
                self.groups[group.key] = remaining
            else:
                del self.groups[group.key]
