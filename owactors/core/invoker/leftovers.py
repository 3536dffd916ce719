"""What becomes of an activation that an invoker had taken when it died, once the invoker is there again."""

from __future__ import annotations

from enum import Enum


class Leftover(Enum):
    """What is done with it."""

    #: nobody else may run it, and it has not begun: it runs now, unless somebody has ended it meanwhile
    RUN = "run"
    #: it may have run: it ends with a record that says so
    END = "end"
    #: it was on its way: it comes again, or somebody else has it; if neither, it ends with a record after a while
    WAIT = "wait"


def leftover(*, claimed: bool, begun: bool) -> Leftover:
    """By what the journal says of it."""
    if begun:
        return Leftover.END
    return Leftover.RUN if claimed else Leftover.WAIT
