"""What a proxy knows, and the small moves that its rows are made of."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from owactors.core.activationrecord import Annotations, action_annotations
from owactors.core.arguments import Unlock
from owactors.core.containerproxy.events import Event, RunAsked
from owactors.core.containerproxy.instructions import (
    IDLE_TIMER,
    Instruction,
    SetTimer,
    TellPool,
)
from owactors.core.containerproxy.job import Job, Phase
from owactors.core.containerproxy.states import State
from owactors.entity.action import WhiskAction
from owactors.entity.size import ByteSize
from owactors.message.container import NeedWork, ProxySettings, Run, ToPool
from owactors.message.containerdata import ContainerData, ContainerRef, NoData, PreWarmedData, WarmedData

STORY_LENGTH = 64
UNSTASHING = frozenset({State.STARTED, State.READY, State.PAUSED, State.REMOVING, State.GONE})


class Proxy:
    """One container, its jobs, who waits; and what `handle` is about to return."""

    def __init__(self, settings: ProxySettings, number: int = 1, unlocks: Mapping[str, Unlock] | None = None) -> None:
        self.settings = settings
        self.number = number
        self.unlocks = unlocks or {}
        self.state = State.UNINITIALIZED
        self.data: ContainerData = NoData()
        self.container: ContainerRef | None = None
        #: job number -> job that was begun
        self.jobs: dict[int, Job] = {}
        #: accepted, to be begun as soon as the container has room
        self.buffer: deque[Run] = deque()
        #: events to be handled in a later state
        self.stash: deque[Event] = deque()
        #: what ended since the pool was told last
        self.unreported_ids: list[str] = []
        self.creating = False
        #: between ResumeContainer and its outcome
        self.resuming = False
        #: it failed at a job that is still inside, and will go: no other enters
        self.closing = False
        #: the pool knows that this container goes
        self.announced = False
        self.destroying = False
        #: nothing is left that could be removed
        self.destroyed = False
        self.dismissed = False
        self.destroy_tries = 0
        #: what the container was made for
        self.prewarm_kind, self.prewarm_memory = "", ByteSize(0)
        self.ttl: float | None = None
        #: last moment somebody wanted something of the idle container
        self.idle_since = 0.0
        self.idle_timer_due: float | None = None
        #: for the invariant that no Run is lost: accepted = ended + handed back + still here
        self.accepted = self.ended = self.handed_back = 0
        self._job_numbers = 0
        self._shared: tuple[WhiskAction, Annotations] | None = None
        self._replay: deque[Event] = deque()
        self._out: list[Instruction] = []
        self._story: deque[tuple[float, State, str]] = deque(maxlen=STORY_LENGTH)

    # -- for the rows

    def emit(self, instruction: Instruction) -> None:
        """Add to what `handle` returns."""
        self._out.append(instruction)

    def tell_pool(self, message: ToPool) -> None:
        """A message to the pool."""
        self._out.append(TellPool(message))

    def goto(self, state: State) -> None:
        """Change the state; in states that can serve them, stashed events are handled next, in order."""
        self.state = state
        if self.stash and state in UNSTASHING:
            self._replay.extendleft(reversed(self.stash))
            self.stash.clear()

    def later(self, event: Event) -> None:
        """Handle this event next, as if it had come from outside."""
        self._replay.append(event)

    def note(self, text: str, now: float) -> None:
        """A line for the story."""
        self._story.append((now, self.state, text))

    def accept(self, run: Run, phase: Phase, now: float) -> Job:
        """Make a job of a Run that is begun now: until now it has waited."""
        self._job_numbers += 1
        wait = max(0.0, now * 1000 - run.msg.transid.start)
        job = self.jobs[self._job_numbers] = Job(self._job_numbers, run, phase, {"wait": wait})
        return job

    @property
    def unreported(self) -> int:
        """How many activations ended since the pool was told last."""
        return len(self.unreported_ids)

    def take_unreported(self) -> tuple[int, tuple[str, ...]]:
        """Number and ids of the activations that ended since this was asked last."""
        ids, self.unreported_ids = self.unreported_ids, []
        return len(ids), tuple(ids)

    def need_work(self, data: PreWarmedData | WarmedData) -> None:
        """Tell the pool that the container has room."""
        self.tell_pool(NeedWork(data, *self.take_unreported()))

    def arm_idle_timer(self, seconds: float | None, now: float) -> None:
        """See to it that the idle timer fires in `seconds` or earlier: a row that is called early arms it anew.

        So a busy container costs no timer per activation. None: it need not fire.
        """
        if seconds is None or (self.idle_timer_due is not None and self.idle_timer_due <= now + seconds):
            return
        self.idle_timer_due = now + seconds
        self.emit(SetTimer(IDLE_TIMER, seconds))

    def shared_annotations(self, action: WhiskAction) -> Annotations:
        """action_annotations(action), computed once for the same object."""
        if self._shared is None or self._shared[0] is not action:
            self._shared = action, action_annotations(action)
        return self._shared[1]

    # -- for people

    def story(self) -> list[str]:
        """What happened last, oldest first, one line each."""
        return [f"{now:.3f} {state.value}: {event}" for now, state, event in self._story]

    def runs_waiting(self) -> int:
        """Runs that were accepted and not begun."""
        stashed = (*self.stash, *self._replay)
        return len(self.buffer) + sum(type(event) is RunAsked for event in stashed)


def told(event: Event) -> str:
    """An event in the story: its words only, so that no message is kept alive longer than its call."""
    kind = type(event)
    if kind is RunAsked:
        return f"RunAsked {event.run.msg.activation_id}"  # type: ignore[union-attr]
    job, reason = getattr(event, "job", None), getattr(event, "reason", None)
    text = kind.__name__ if job is None else f"{kind.__name__} job={job}"
    return text if reason is None else f"{text} reason={reason}"
