"""A controller of a cluster whose clients may follow records and lines, wherever activations run."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from thespian.actors import ActorAddress

from owactors.actor.hostedcontroller import HostedController
from owactors.actor.invokerlines import InvokerLines, InvokerLinesSetup
from owactors.actor.recordfollowers import Follower
from owactors.actor.recordpolling import RecordPolling
from owactors.message.livelogs import FollowLogs, UnfollowLogs
from owactors.message.story import TellStory


class FollowingController(HostedController):
    """Its invokers cannot be spoken to as actors: what to tell they learn from the store, and tell it by a topic."""

    def __init__(self) -> None:
        super().__init__()
        self._invoker_lines: ActorAddress | None = None
        self._polling: RecordPolling | None = None

    def _ask_invokers(self, question: TellStory | FollowLogs | UnfollowLogs) -> int:
        if isinstance(question, TellStory):
            return super()._ask_invokers(question)
        self.into_turn(partial(self._ask_for_lines, question))
        return 0

    def _ask_for_lines(self, question: FollowLogs | UnfollowLogs) -> None:
        assert self._store is not None
        if self._invoker_lines is None:
            cluster = self._cluster
            about = InvokerLinesSetup(
                self.myAddress, self._store.entities, cluster.messaging, cluster.topics, self._instance
            )
            self._invoker_lines = self.create(InvokerLines)
            self.tell(self._invoker_lines, about)
        self.tell(self._invoker_lines, question)

    def _following(self) -> Callable[[str, str | None, bool], Follower]:
        return super()._following() if self.keeps_all_records else self._follow_shared

    def _follow_shared(self, namespace: str, name: str | None, lines: bool) -> Follower:
        """Others write records, too."""
        assert self._store is not None
        if self._polling is None:
            self._polling = RecordPolling(self._store.activations, self._followers, _milliseconds)
        follower = self._followers.follow(namespace, name, lines)
        self._polling.begin()
        return follower


def _milliseconds() -> int:
    return int(time.time() * 1000)
