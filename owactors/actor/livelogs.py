"""Tells followers what the activations of this process print, while they run."""

from __future__ import annotations

from attrs import define, frozen
from thespian.actors import ActorAddress

from owactors.actor.io import IoActor, Spawned, on
from owactors.container.livelogs import LIVE, LineFollower
from owactors.message.livelogs import Follower, FollowLogs, PrintedLine, PrintedLines, UnfollowLogs


@define(eq=False)
class _Following:
    to: ActorAddress
    lines: LineFollower
    work: Spawned | None = None


@frozen
class _Came:
    """To self: lines for this follower."""

    follower: Follower
    lines: tuple[PrintedLine, ...]


class LineTeller(IoActor):
    """An actor in the process of containers. PrintedLines go where FollowLogs says (`to`)."""

    def __init__(self) -> None:
        super().__init__()
        self._following: dict[Follower, _Following] = {}

    @on(FollowLogs)
    def _asked_to_follow(self, message: FollowLogs, sender: ActorAddress) -> None:
        self.follow(message)

    def follow(self, message: FollowLogs) -> None:
        """From now on."""
        self._leave(message.follower)
        self._following[message.follower] = _Following(message.to, LIVE.follow(message.namespace, message.action))
        self._wait(message.follower)

    def _wait(self, number: Follower) -> None:
        following = self._following[number]
        following.work = self.spawn(self._next(following), done=lambda lines: _Came(number, lines), name="live logs")

    async def _next(self, following: _Following) -> tuple[PrintedLine, ...]:
        await self.room(following.to)
        found = await following.lines.next()
        return tuple(PrintedLine(subject.activation_id, subject.name, text) for subject, text in found)

    @on(_Came)
    def _came(self, message: _Came, sender: ActorAddress) -> None:
        following = self._following.get(message.follower)
        if following is not None:
            self.tell(following.to, PrintedLines(message.follower, message.lines))
            self._wait(message.follower)

    @on(UnfollowLogs)
    def _unfollow(self, message: UnfollowLogs, sender: ActorAddress) -> None:
        self._leave(message.follower)

    def _leave(self, number: Follower) -> None:
        following = self._following.pop(number, None)
        if following is not None:
            LIVE.leave(following.lines)
            if following.work is not None:
                following.work.cancel()

    def tell_nobody(self) -> None:
        """All followers are left."""
        for number in list(self._following):
            self._leave(number)


class LiveLogs(LineTeller):
    """A child of the invoker, in the process of its containers."""

    def on_exit(self) -> None:
        """Nobody is told any more."""
        self.tell_nobody()
