"""Who accepted a call: a line before what is kept of it, where several controllers keep theirs in one store.

Without one it was the controller that has the store.
"""

from __future__ import annotations

from attrs import frozen

_MARK = b"acceptedBy "


@frozen
class Acceptor:
    """A controller by its id, and this life of it; neither has a space."""

    controller: str
    life: str

    def mark(self, message: bytes) -> bytes:
        """What is kept."""
        return _MARK + f"{self.controller} {self.life}\n".encode() + message


def acceptor_of(kept: bytes) -> Acceptor | None:
    """Who has marked it."""
    line = kept.partition(b"\n")[0].split(b" ")
    if not kept.startswith(_MARK) or len(line) != 3:
        return None
    return Acceptor(line[1].decode(errors="replace"), line[2].decode(errors="replace"))


def bare(kept: bytes) -> bytes:
    """Without the mark."""
    return kept if acceptor_of(kept) is None else kept.partition(b"\n")[2]
