"""Who follows the lines of containers that are in processes of their own: each container's proxy tells it."""

from __future__ import annotations

from thespian.actors import ActorAddress

from owactors.actor.addresstable import AddressTable
from owactors.actor.io import IoActor, on
from owactors.message.livelogs import Follower, FollowLogs, UnfollowLogs


class FollowedProxies(IoActor):
    """The part of a pool that hands on who follows; nothing is asked of proxies as long as nobody does."""

    _proxies: AddressTable

    def __init__(self) -> None:
        super().__init__()
        self._follows: dict[Follower, FollowLogs] = {}

    @on(FollowLogs)
    def _followed(self, message: FollowLogs, sender: ActorAddress) -> None:
        self._follows[message.follower] = message
        self._tell_all(message)

    @on(UnfollowLogs)
    def _left(self, message: UnfollowLogs, sender: ActorAddress) -> None:
        if self._follows.pop(message.follower, None) is not None:
            self._tell_all(message)

    def _tell_all(self, message: FollowLogs | UnfollowLogs) -> None:
        for address in self._proxies.addresses():
            self.tell(address, message)

    def follow_new(self, proxy: ActorAddress) -> None:
        """It has been created: it is told who follows."""
        for message in self._follows.values():
            self.tell(proxy, message)
