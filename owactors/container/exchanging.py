"""How long an exchange with a container took, whatever is done to the machine's clock meanwhile."""

from __future__ import annotations

import math
import time

from attrs import field, frozen

from owactors.core.reply import Interval, Outcome, RunTimeout


@frozen
class Exchanging:
    """Made when the exchange begins: `at` in epoch milliseconds, the rest by a clock that nobody sets."""

    at: int = field(factory=lambda: time.time_ns() // 1_000_000)
    _begun: float = field(factory=time.monotonic)

    def ended(self, outcome: Outcome) -> Interval:
        """Until now; one that ran out of time took all of it."""
        took = int((time.monotonic() - self._begun) * 1000)
        if isinstance(outcome, RunTimeout):
            took = max(took, math.ceil(outcome.seconds * 1000))
        return Interval(self.at, self.at + took)
