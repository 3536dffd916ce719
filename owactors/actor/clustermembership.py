"""The other controllers: this one says each second that it is there, and counts who else does."""

from __future__ import annotations

import time
from typing import Any

from attrs import frozen
from thespian.actors import ActorAddress

from owactors.actor.io import on
from owactors.actor.topicreader import SIGNS_EVERY, TopicReader
from owactors.connector.topics import Topics
from owactors.core.loadbalancer.busclock import BusClock
from owactors.core.loadbalancer.membership import MemberHeard, Membership, MembersTick, SizeChanged
from owactors.entity.instance import ControllerInstanceId
from owactors.message.member import BusTick, ClusterSize, ControllerHeartbeat, Leave
from owactors.message.topic import Write

BEAT = "beat"
BEAT_SECONDS = 1.0


@frozen(eq=False)
class MembershipSetup:
    """The first message. `listeners` are told the size of the cluster, `supervision` the time of the bus."""

    listeners: tuple[Any, ...]
    supervision: Any
    writer: Any
    messaging: Any
    topics: Topics
    instance: ControllerInstanceId


@frozen
class _Beat:
    """To self: say that this controller is there."""


class ClusterMembership(TopicReader):
    """See the module's text."""

    def __init__(self) -> None:
        super().__init__()
        self._clock = BusClock()

    @on(MembershipSetup)
    def setup(self, message: MembershipSetup, sender: ActorAddress) -> None:
        self._setup = message
        self._members = Membership(message.instance.as_string)
        topic = message.topics.controllers(message.instance)
        self.read_topic(message.messaging, topic, str(message.instance), from_now=True, every=SIGNS_EVERY)
        self.beat(_Beat(), sender)

    @on(_Beat)
    def beat(self, message: _Beat, sender: ActorAddress) -> None:
        self.start_timer(BEAT, BEAT_SECONDS, message)
        self._say(ControllerHeartbeat(self._setup.instance))

    @on(Leave)
    def leave(self, message: Leave, sender: ActorAddress) -> None:
        self.cancel_timer(BEAT)
        self._say(ControllerHeartbeat(self._setup.instance, leaving=True))

    def _say(self, heartbeat: ControllerHeartbeat) -> None:
        topic = self._setup.topics.controllers().name
        self.tell(self._setup.writer, Write(topic, heartbeat.to_json(), "a heartbeat"))

    def received(self, value: Any) -> None:
        """A heartbeat, perhaps its own."""
        heartbeat = ControllerHeartbeat.from_json(value)
        if heartbeat.instance == self._setup.instance:
            now = self._clock.came_back(time.monotonic())
            self.tell(self._setup.supervision, BusTick(now))
            self._tell(self._members.handle(MembersTick(now)))
        else:
            controller = heartbeat.instance.as_string
            self._tell(self._members.handle(MemberHeard(controller, heartbeat.leaving, self._clock.now)))

    def _tell(self, changes: list[SizeChanged]) -> None:
        for change in changes:
            for listener in self._setup.listeners:
                self.tell(listener, ClusterSize(change.size, change.members))
