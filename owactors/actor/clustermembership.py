"""The other controllers: this one says each second that it is there, and counts who else does.

It says, too, which documents it changed, and tells the controller of those that others changed unheard.
"""

from __future__ import annotations

import time
from typing import Any

from attrs import frozen
from thespian.actors import ActorAddress

from owactors.actor.io import on
from owactors.actor.topicreader import SIGNS_EVERY, TopicReader
from owactors.connector.topics import Topics
from owactors.core.controller import hearing
from owactors.core.controller.hearing import ChangesMade, Doubt, Hearing, HearingEvent
from owactors.core.loadbalancer.busclock import BusClock
from owactors.core.loadbalancer.membership import MemberHeard, Membership, MembersTick, SizeChanged
from owactors.entity.instance import ControllerInstanceId
from owactors.message.member import (
    BusTick,
    ClusterSize,
    ControllerHeartbeat,
    ControllersKnown,
    DocumentChanged,
    DocumentsDoubted,
    HearsOthers,
    Leave,
)
from owactors.message.topic import Write

BEAT = "beat"
BEAT_SECONDS = 1.0


@frozen(eq=False)
class MembershipSetup:
    """The first message. `listeners` are told the size of the cluster, `supervision` the time of the bus.

    `cache` is told of documents that others may have changed; `life` is that of the controller's process.
    """

    listeners: tuple[Any, ...]
    supervision: Any
    writer: Any
    messaging: Any
    topics: Topics
    instance: ControllerInstanceId
    cache: Any
    life: str


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
        self._hearing, self._changes = Hearing(message.instance.as_string), ChangesMade(message.life)
        self._leaving = False
        topic = message.topics.controllers(message.instance)
        self.read_topic(message.messaging, topic, str(message.instance), from_now=True, every=SIGNS_EVERY)
        self.beat(_Beat(), sender)

    @on(_Beat)
    def beat(self, message: _Beat, sender: ActorAddress) -> None:
        self.start_timer(BEAT, BEAT_SECONDS, message)
        self._hear(hearing.TimePassed(time.monotonic()))
        self._say()

    @on(Leave)
    def leave(self, message: Leave, sender: ActorAddress) -> None:
        self.cancel_timer(BEAT)
        self._leaving = True
        self._say()

    @on(DocumentChanged)
    def changed(self, message: DocumentChanged, sender: ActorAddress) -> None:
        """Requests that are under way while it leaves may change some, too."""
        self._changes.made(message.doc_id)
        if self._leaving:
            self._say()

    @on(ControllersKnown)
    def known(self, message: ControllersKnown, sender: ActorAddress) -> None:
        self._hear(hearing.OthersKnown(message.controllers, time.monotonic()))

    def _say(self) -> None:
        heartbeat = ControllerHeartbeat(self._setup.instance, self._leaving, self._changes.say())
        topic = self._setup.topics.controllers().name
        self.tell(self._setup.writer, Write(topic, heartbeat.to_json(), "a heartbeat"))

    def received(self, value: Any) -> None:
        """A heartbeat, perhaps its own."""
        heartbeat = ControllerHeartbeat.from_json(value)
        if heartbeat.instance == self._setup.instance:
            now = self._clock.came_back(time.monotonic())
            self.tell(self._setup.supervision, BusTick(now))
            self._hear(hearing.CameBack(time.monotonic()))
            self._tell(self._members.handle(MembersTick(now)))
        else:
            controller = heartbeat.instance.as_string
            self._tell(self._members.handle(MemberHeard(controller, heartbeat.leaving, self._clock.now)))
            self._hear(hearing.OtherHeard(controller, heartbeat.said, heartbeat.leaving, time.monotonic()))

    def _hear(self, event: HearingEvent) -> None:
        for told in self._hearing.handle(event):
            if isinstance(told, Doubt):
                self.tell(self._setup.cache, DocumentsDoubted(told.doc_ids))
            else:
                self._log_hearing(told.sure)
                self.tell(self._setup.cache, HearsOthers(told.sure))

    def _log_hearing(self, sure: bool) -> None:
        if sure:
            self.log.info("every change that another controller makes is heard")
        else:
            silent = ", ".join(self._hearing.silent) or "its own heartbeats"
            self.log.info("not heard: %s; documents are read again after moments, if the store is there", silent)

    def _tell(self, changes: list[SizeChanged]) -> None:
        for change in changes:
            for listener in self._setup.listeners:
                self.tell(listener, ClusterSize(change.size, change.members))
