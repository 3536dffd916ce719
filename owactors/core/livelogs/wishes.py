"""What an invoker learns of who follows lines: the wishes of all controllers, as the cluster's document has them.

A controller that follows renews its wishes by counting `beat` up. Whoever's count stands still is gone: time passes
here, so that no clocks have to agree.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from attrs import define, field, frozen

from owactors.message.livelogs import ControllerFollows, FollowLogs, RemoteFollower, UnfollowLogs

#: seconds between two renewals of a controller, and after which one without a renewal is gone
RENEWAL, PATIENCE = 20.0, 70.0

Order = FollowLogs | UnfollowLogs


@frozen
class _Heard:
    follows: ControllerFollows
    #: when its count went up last, as far as was seen here
    at: float


@define
class LogWishes:
    """A machine with one door, `handle`."""

    _heard: dict[str, _Heard] = field(factory=dict)
    _told: dict[RemoteFollower, FollowLogs] = field(factory=dict)

    def handle(self, controllers: Mapping[str, ControllerFollows], now: float) -> list[Order]:
        """What changed since the last look; `controllers` is all that the document says, `now` seconds."""
        if not controllers and not self._told and not self._heard:
            return []
        for name, follows in controllers.items():
            known = self._heard.get(name)
            if known is None or (known.follows.life, known.follows.beat) != (follows.life, follows.beat):
                self._heard[name] = _Heard(follows, now)
        self._heard = {name: heard for name, heard in self._heard.items() if name in controllers}
        wanted = dict(self._wanted(now))
        orders: list[Order] = [UnfollowLogs(follower) for follower in self._told if follower not in wanted]
        orders += [order for follower, order in wanted.items() if follower not in self._told]
        self._told = wanted
        return orders

    def _wanted(self, now: float) -> Iterable[tuple[RemoteFollower, FollowLogs]]:
        for name, heard in self._heard.items():
            if now - heard.at < PATIENCE:
                for wish in heard.follows.wishes:
                    follower = RemoteFollower(name, heard.follows.life, wish.number)
                    yield follower, FollowLogs(follower, wish.namespace, wish.action)

    def validate(self) -> None:
        """Everybody that is told of is of a controller that was heard of, in the life that was heard of."""
        for follower, order in self._told.items():
            assert order.follower == follower
            assert self._heard[follower.controller].follows.life == follower.life
