"""The container proxy's machine: one container, its jobs, and what becomes of both. (OpenWhisk, ContainerProxy.scala.)

`handle(event)` is the only way in. `table.py` says which function an event leads to in a state; those functions are in
`starting.py`, `running.py`, `idle.py` and `removing.py`; how activations and containers end is in `outcome.py`,
`records.py` and `endings.py`.
"""

from __future__ import annotations

from owactors.core.containerproxy.events import Event, IdleTimerFired, RunAsked
from owactors.core.containerproxy.instructions import Defect, Instruction
from owactors.core.containerproxy.invariants import check
from owactors.core.containerproxy.machine import Proxy, told
from owactors.core.containerproxy.states import State
from owactors.core.containerproxy.table import ROWS_BY_STATE


class ContainerProxy(Proxy):
    """State of one proxy. Read what you like; change it only through `handle`."""

    def handle(self, event: Event) -> list[Instruction]:
        """What to do now, in order. An event that the state does not know changes nothing and yields a Defect."""
        self._out = []
        if type(event) is RunAsked:
            self.accepted += 1
        self._apply(event)
        while self._replay:
            self._apply(self._replay.popleft())
        return self._out

    def _apply(self, event: Event) -> None:
        state = self.state
        self._story.append((event.now, state, told(event)))
        if (state is State.READY or state is State.PAUSED) and type(event) is not IdleTimerFired:
            self.idle_since = event.now
        row = ROWS_BY_STATE[state].get(type(event))
        if row is None:
            self.emit(Defect(f"{type(event).__name__} is not expected in {state.value}"))
            return
        row(self, event)

    @property
    def instructions(self) -> list[Instruction]:
        """What the last event led to; also, after `handle` raised, what it had decided until then."""
        return self._out

    def validate(self) -> None:
        """AssertionError, with the story, if what must always hold does not."""
        check(self)
