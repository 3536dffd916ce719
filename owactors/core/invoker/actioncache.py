"""Actions by document id and revision, with their code, bounded in number, bytes and age."""

from __future__ import annotations

from collections import OrderedDict

from attrs import define, field

from owactors.entity.action import WhiskAction
from owactors.entity.limits import UserLimits

#: Document id and revision.
ActionKey = tuple[str, str]


@define(eq=False)
class CachedAction:
    """An action, when it was used last, and the last limits of a namespace that it was found to be within."""

    action: WhiskAction
    size: int
    used: float
    within: UserLimits | None = None


@define
class ActionCache:
    """Forgets what was not used for `max_age` seconds, and the longest unused beyond `max_entries` or `max_bytes`."""

    max_entries: int = 1000
    max_bytes: int = 256 * 1024 * 1024
    max_age: float = 300.0
    bytes: int = 0
    _entries: OrderedDict[ActionKey, CachedAction] = field(factory=OrderedDict)

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: ActionKey, now: float) -> CachedAction | None:
        """The action of exactly this revision, if it is here."""
        entry = self._entries.get(key)
        if entry is not None:
            entry.used = now
            self._entries.move_to_end(key)
        return entry

    def put(self, action: WhiskAction, now: float) -> CachedAction:
        """Keep the action under its own revision; one without revision is not kept."""
        entry = CachedAction(action, len(action.code or ""), now)
        if action.revision.empty:
            return entry
        key = (action.doc_id, action.revision.text)
        self._drop(key)
        self._entries[key] = entry
        self.bytes += entry.size
        self._shrink(now)
        return entry

    def _shrink(self, now: float) -> None:
        """Drop from the longest unused on; the newest stays, whatever its size."""
        while len(self._entries) > 1:
            key, oldest = next(iter(self._entries.items()))
            fits = len(self._entries) <= self.max_entries and self.bytes <= self.max_bytes
            if fits and now - oldest.used < self.max_age:
                return
            self._drop(key)

    def _drop(self, key: ActionKey) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self.bytes -= entry.size
