"""When a prewarmed container counts as dead: so many TCP pings in a row that failed. (OpenWhisk, TCPPingClient.)"""

from __future__ import annotations

from attrs import define, frozen

from owactors.message.container import HealthCheckSettings


@frozen
class Enable:
    """Begin ticking, from now on."""


@frozen
class Disable:
    """Stop ticking; what has failed so far still counts."""


@frozen
class Tick:
    """It is time for the next ping."""


@frozen
class Reached:
    """The connection was made."""


@frozen
class Unreachable:
    """The connection was not made; `reason` in the words of the system."""

    reason: str


Event = Enable | Disable | Tick | Reached | Unreachable


@frozen
class Connect:
    """Make a connection and close it again."""


@frozen
class TickAfter:
    """The next Tick after so many seconds; replaces the one before."""

    seconds: float


@frozen
class StopTicking:
    """No Tick any more."""


@frozen
class ReportDead:
    """The container was not reached `max_fails` times in a row: tell the proxy, and end."""

    reason: str


Instruction = Connect | TickAfter | StopTicking | ReportDead


@define
class TCPPing:
    """Counts failures in a row. `dead` once reported; after that every event is ignored."""

    settings: HealthCheckSettings
    failed: int = 0
    ticking: bool = False
    dead: bool = False

    def handle(self, event: Event) -> list[Instruction]:
        """What to do now."""
        if self.dead:
            return []
        match event:
            case Enable():
                self.ticking = True
                return [TickAfter(self.settings.check_period)]
            case Disable():
                self.ticking = False
                return [StopTicking()]
            case Tick():
                return [Connect(), TickAfter(self.settings.check_period)] if self.ticking else []
            case Reached():
                self.failed = 0
                return []
            case Unreachable(reason):
                return self._failed(reason)

    def _failed(self, reason: str) -> list[Instruction]:
        self.failed += 1
        if self.failed < self.settings.max_fails:
            return []
        self.dead, self.ticking = True, False
        return [StopTicking(), ReportDead(f"not reached {self.failed} times in a row: {reason}")]
