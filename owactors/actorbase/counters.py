"""What the base refused or lost, counted per process. Shown in Thespian's status answers."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass
class Counters:
    connections_refused: int = 0
    """Wrong key, wrong user, garbage, too many, too slow."""
    frames_rejected: int = 0
    """Bad seal, oversized, malformed: the connection was closed."""
    messages_refused: int = 0
    """Pickles that named something not allowed or could not be read."""
    duplicates_dropped: int = 0
    letters_returned: int = 0
    """Messages that became dead letters because the peer's queue was full."""
    slow_handlers: int = 0

    def reset(self) -> None:
        """A forked process starts to count anew."""
        for each in fields(self):
            setattr(self, each.name, 0)

    def items(self) -> list[tuple[str, int]]:
        return [(each.name, getattr(self, each.name)) for each in fields(self)]


COUNTERS = Counters()
