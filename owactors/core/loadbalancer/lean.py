"""One invoker, in the same node: everything goes there. (OpenWhisk, LeanBalancer.scala.)"""

from __future__ import annotations

from attrs import mutable


@mutable
class LeanChoice:
    """The one invoker while it is there."""

    invoker: int | None = None

    def choose(self) -> int | None:
        """The invoker's number, or None while there is none."""
        return self.invoker

    def up(self, invoker: int) -> None:
        """The invoker takes work."""
        self.invoker = invoker

    def gone(self, invoker: int) -> None:
        """The invoker takes no work any more."""
        if self.invoker == invoker:
            self.invoker = None
