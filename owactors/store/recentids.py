"""Which activations an invoker has taken, in memory only: no crash is survived, but no copy runs twice."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

from attrs import define, field

#: the oldest are forgotten first
MOST = 50_000


@define(eq=False)
class RecentIds:
    """In the place of `IntakeJournal` where at most once is enough."""

    most: int = MOST
    #: ordered, for the first of a plain dict is the slower to find the more were removed before it
    _ids: OrderedDict[str, None] = field(factory=OrderedDict)

    def knows(self, activation_id: str) -> bool:
        """True if it was taken, not long ago."""
        return activation_id in self._ids

    def awaits(self, activation_id: str) -> bool:
        """Never: what was read is ours."""
        return False

    def taken(self, messages: Iterable[dict[str, Any]], *, claimed: bool = False) -> None:
        """These messages, as JSON values, are ours."""
        for message in messages:
            self._ids[message["activationId"]] = None
        while len(self._ids) > self.most:
            self._ids.popitem(last=False)

    def forget(self, activation_ids: Iterable[str]) -> None:
        """These were not taken after all."""
        for key in activation_ids:
            self._ids.pop(key, None)
