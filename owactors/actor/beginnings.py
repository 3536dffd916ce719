"""Where it is written down that an activation may run from now on, before its container hears of it."""

from __future__ import annotations

from collections.abc import Callable


class Beginnings:
    """`note` is called with the id of each activation right before the first request for it goes to a container."""

    def __init__(self) -> None:
        self.note: Callable[[str], None] = lambda activation_id: None


#: of this process
BEGINNINGS = Beginnings()
