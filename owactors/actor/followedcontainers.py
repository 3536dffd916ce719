"""The part of an invoker that lets its containers' lines be followed, in whatever processes they are."""

from __future__ import annotations

import os

from attrs import evolve
from thespian.actors import ActorAddress

from owactors.actor.io import IoActor, on
from owactors.actor.livelogs import LiveLogs
from owactors.message.livelogs import Follower, FollowLogs, UnfollowLogs


class FollowedContainers(IoActor):
    """Nothing is made, and no container is asked, as long as nobody follows."""

    _pool: ActorAddress | None

    def __init__(self) -> None:
        super().__init__()
        self._live_logs: ActorAddress | None = None
        self._follows: dict[Follower, FollowLogs] = {}

    @on(FollowLogs, UnfollowLogs)
    def _asked_for_lines(self, message: FollowLogs | UnfollowLogs, sender: ActorAddress) -> None:
        """Lines go to whoever asks."""
        self.follow_logs(evolve(message, to=sender) if isinstance(message, FollowLogs) else message)

    def follow_logs(self, message: FollowLogs | UnfollowLogs) -> None:
        """From now on, or no longer. Containers of this process are heard here, of others their proxies are asked."""
        if self._live_logs is None:
            self._live_logs = self.create(LiveLogs)
        if isinstance(message, FollowLogs):
            message = evolve(message, heard_in=os.getpid())
            self._follows[message.follower] = message
        else:
            self._follows.pop(message.follower, None)
        for listener in (self._live_logs, self._pool):
            if listener is not None:
                self.tell(listener, message)

    def follow_in(self, pool: ActorAddress) -> None:
        """It has been created."""
        for message in self._follows.values():
            self.tell(pool, message)
