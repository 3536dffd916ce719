"""A bounded memory of what happened to the last activations, for whoever asks why one was slow or failed.

    STORIES.begin(activation_id, "guest")
    STORIES.note(activation_id, "container", "/run answered %s", 200)

Each process has its own. Noting costs half a microsecond: texts are put together when somebody asks.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from owactors.message.story import Step, Story

MOST_ACTIVATIONS = 1000
MOST_STEPS = 50
_Note = tuple[int, str, str, tuple[object, ...]]


class Stories:
    """The steps of the activations that were noted last; the one begun first is forgotten first."""

    def __init__(self, most: int = MOST_ACTIVATIONS, clock: Callable[[], int] = time.time_ns) -> None:
        self._most, self._clock = most, clock
        self._namespaces: dict[str, str] = {}
        # the first of a plain dict is the slower to find the more were removed before it
        self._notes: OrderedDict[str, list[_Note]] = OrderedDict()

    def begin(self, activation_id: str, namespace: str) -> None:
        """The activation belongs to this namespace; who asks for another one's learns nothing."""
        self._of(activation_id)
        self._namespaces[activation_id] = namespace

    def note(self, activation_id: str, who: str, what: str, *args: object) -> None:
        """Something happened to it; `what` may hold %s for the arguments."""
        notes = self._notes.get(activation_id)
        if notes is None:
            notes = self._of(activation_id)
        if len(notes) < MOST_STEPS:
            notes.append((self._clock(), who, what, args))

    def _of(self, activation_id: str) -> list[_Note]:
        notes = self._notes.get(activation_id)
        if notes is None:
            if len(self._notes) >= self._most:
                oldest, _ = self._notes.popitem(last=False)
                self._namespaces.pop(oldest, None)
            notes = self._notes[activation_id] = []
        return notes

    def told(self, activation_id: str) -> Story | None:
        """What is remembered of it."""
        notes = self._notes.get(activation_id)
        if notes is None:
            return None
        steps = (Step(at // 1_000_000, who, what % args if args else what) for at, who, what, args in notes)
        return Story(self._namespaces.get(activation_id, ""), tuple(steps))


STORIES = Stories()
