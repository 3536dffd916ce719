"""Which activations an invoker has taken, in memory only: no crash is survived, but no copy runs twice."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from attrs import define, field

#: the oldest are forgotten first
MOST = 50_000


@define(eq=False)
class RecentIds:
    """In the place of `IntakeJournal` where at most once is enough."""

    most: int = MOST
    _ids: dict[str, None] = field(factory=dict)

    def knows(self, activation_id: str) -> bool:
        """True if it was taken, not long ago."""
        return activation_id in self._ids

    def taken(self, messages: Iterable[dict[str, Any]], *, claimed: bool = False) -> None:
        """These messages, as JSON values, are ours."""
        for message in messages:
            self._ids[message["activationId"]] = None
        while len(self._ids) > self.most:
            del self._ids[next(iter(self._ids))]

    def forget(self, activation_ids: Iterable[str]) -> None:
        """These were not taken after all."""
        for key in activation_ids:
            self._ids.pop(key, None)
