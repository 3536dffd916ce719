"""A clock that stands still while the broker does not pass messages on.

Silence says nothing of an invoker when nothing could be heard. So time counts only as far as this controller's own
heartbeats come back to it.
"""

from __future__ import annotations

from attrs import define

#: heartbeats come each second; a longer gap counts for no more than this
LONGEST_STEP = 2.0


@define
class BusClock:
    """Seconds of a broker at work."""

    now: float = 0.0
    _last: float | None = None

    def came_back(self, monotonic: float) -> float:
        """An own heartbeat came back at this time; the clock afterwards."""
        if self._last is not None:
            self.now += min(max(0.0, monotonic - self._last), LONGEST_STEP)
        self._last = monotonic
        return self.now
