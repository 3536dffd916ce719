"""What came back from an action container: its HTTP answer, or the way the exchange failed.

Times are wall-clock epoch milliseconds. (OpenWhisk, ActivationResult.scala and Container.scala.)
"""

from __future__ import annotations

from attrs import frozen


@frozen
class Interval:
    """A stretch of time, from `start` to `end`, in epoch milliseconds."""

    start: int
    end: int

    @property
    def duration(self) -> int:
        """Milliseconds, never negative."""
        return max(0, self.end - self.start)

    @classmethod
    def zero(cls, at: int = 0) -> Interval:
        """An interval without duration."""
        return cls(at, at)


@frozen
class ContainerReply:
    """An HTTP answer; `body` holds at most `limit` of the `length` bytes announced or read."""

    status: int
    body: bytes
    length: int
    limit: int

    @property
    def truncated(self) -> bool:
        """True when the body was longer than what may be kept."""
        return self.length > self.limit

    @property
    def ok(self) -> bool:
        """True for any 2xx status."""
        return 200 <= self.status < 300


@frozen
class ConnectionFailed:
    """No connection could be made or the exchange broke in a way that is not a missing answer."""

    cause: str


@frozen
class NoResponseReceived:
    """The connection was closed before an answer began: the action's process probably died.

    `ending` says how it ended, where that is known: `exit code 3`, `signal 9 (KILL)`.
    """

    cause: str = ""
    ending: str = ""


@frozen
class RunTimeout:
    """No answer within the action's time limit (`seconds`)."""

    seconds: float


@frozen
class MemoryExhausted:
    """The container was killed because it used more memory than its limit. Both in bytes, None if unknown."""

    used: int | None = None
    allowed: int | None = None


Failure = ConnectionFailed | NoResponseReceived | RunTimeout | MemoryExhausted
Outcome = ContainerReply | Failure


@frozen
class RunResult:
    """One exchange (POST /init or POST /run) with a container: when, and what came of it."""

    interval: Interval
    outcome: Outcome
