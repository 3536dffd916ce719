"""Accepted activations that certainly were not sent, since the broker is away: they wait, and are tried again.

Decisions only. Ids are activation ids, times seconds of any clock that only goes forward.
"""

from __future__ import annotations

from itertools import islice

from attrs import define, field, frozen

#: so many are being tried at a time at most
WINDOW = 512
#: calls are accepted again once so much of the room is free
AGAIN = 0.1


@frozen
class OutboxSettings:
    """`most` that may wait until no more calls are accepted (0: none waits); each waits for `patience` seconds."""

    most: int = 10_000
    patience: float = 300.0


@define
class Outbox:
    """`failed` for each try, then `due` after a while; `sent` or `over` in the end.

    After a failure one of them is tried alone, and with each that is sent twice as many: a broker that is back and
    does not answer yet gets few of which nobody would know whether they arrived.
    """

    settings: OutboxSettings = OutboxSettings()
    #: since when each one waits
    _since: dict[str, float] = field(factory=dict)
    #: of these, the ones that are not being tried, oldest first
    _idle: dict[str, None] = field(factory=dict)
    _window: int = WINDOW
    _full: bool = False

    def failed(self, activation_id: str, now: float) -> bool:
        """It was not sent. True: it waits. False: its time is over, or none may wait."""
        since = self._since.setdefault(activation_id, now)
        self._window = 1
        if self.settings.most == 0 or now - since >= self.settings.patience:
            self.over(activation_id)
            return False
        self._idle[activation_id] = None
        return True

    def due(self) -> list[str]:
        """Those to be tried now; each of them ends as `failed` or `over`."""
        room = self._window - (len(self._since) - len(self._idle))
        chosen = list(islice(self._idle, max(0, room)))
        for activation_id in chosen:
            del self._idle[activation_id]
        return chosen

    def sent(self, activation_id: str) -> None:
        """It was; more follow."""
        self._window = min(WINDOW, 2 * self._window)
        self.over(activation_id)

    def over(self, activation_id: str) -> None:
        """It is no more to be sent."""
        self._since.pop(activation_id, None)
        self._idle.pop(activation_id, None)

    def waits(self, activation_id: str) -> bool:
        """Whether it has certainly not left: it is not even being tried."""
        return activation_id in self._idle

    @property
    def away(self) -> bool:
        """Whether nothing was sent since the last failure: what comes now had better wait, too."""
        return self._window == 1 and bool(self._since)

    @property
    def idle(self) -> bool:
        """Whether some wait for a try."""
        return bool(self._idle)

    def turned(self) -> bool | None:
        """True when it has become full since the last time, False when there is room again, else None."""
        count, most = len(self._since), self.settings.most
        full = count >= most * (1 - AGAIN) if self._full else count >= most > 0
        if full == self._full:
            return None
        self._full = full
        return full

    def validate(self) -> None:
        """Raises AssertionError if the books do not agree."""
        assert self._idle.keys() <= self._since.keys(), self
