"""Says each second that a role of this host is there, and how it is; and hears it from the others."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from attrs import field, frozen
from thespian.actors import ActorAddress

from owactors import __version__
from owactors.actor.io import IoActor, on
from owactors.actor.messaging import MESSAGING
from owactors.actor.topicreader import SIGNS_EVERY, TopicReader
from owactors.connector.http.provider import HttpFirstMessaging
from owactors.connector.topics import Topics
from owactors.core.loadbalancer.hosts import Hosts
from owactors.entity.instance import ControllerInstanceId
from owactors.message.host import HostHeartbeat, HostIdentity
from owactors.message.loadbalancer import CameBack, ClaimEnded, InvokerLeft
from owactors.message.topic import Write
from owactors.observe.hostfacts import fingerprint, memory

BEAT_SECONDS = 1.0


@frozen(eq=False)
class BeatSetup:
    """The first message to a HostBeat. `how` says the state and the load of the role, of the same process."""

    writer: Any
    topics: Topics
    host: HostIdentity
    role: str
    how: Callable[[], tuple[str, int]] = field(repr=False)
    address: str = ""
    invoke: str = ""


@frozen
class BeatNow:
    """To a HostBeat: now, too, since something changed."""


class HostBeat(IoActor):
    """First message: BeatSetup."""

    @on(BeatSetup)
    def setup(self, message: BeatSetup, sender: ActorAddress) -> None:
        self._setup = message
        self.spawn(asyncio.to_thread(fingerprint), done=lambda _: BeatNow(), failed=lambda _: BeatNow())

    @on(BeatNow)
    def beat(self, message: BeatNow, sender: ActorAddress) -> None:
        self.start_timer("beat", BEAT_SECONDS, message)
        setup = self._setup
        state, load = setup.how()
        beat = HostHeartbeat(
            setup.host, setup.role, state, load, *memory(), __version__, fingerprint(), setup.address, setup.invoke
        )
        self.tell(setup.writer, Write(setup.topics.hosts().name, beat.to_json(), "a host's heartbeat"))


@frozen(eq=False)
class HostReaderSetup:
    """The first message to a HostReader, of the same process as who looks at `hosts`.

    `balancer`, if there is one, is told of activations that come back and of invokers that leave.
    """

    hosts: Hosts
    balancer: Any
    messaging: Any
    topics: Topics
    instance: ControllerInstanceId


class HostReader(TopicReader):
    """First message: HostReaderSetup."""

    @on(HostReaderSetup)
    def setup(self, message: HostReaderSetup, sender: ActorAddress) -> None:
        self._hosts, self._topics = message.hosts, message.topics
        self._instance, self._balancer = message.instance, message.balancer
        self._messaging = MESSAGING.get(message.messaging)
        self.read_topic(
            message.messaging,
            message.topics.hosts(message.instance),
            str(message.instance),
            from_now=True,
            every=SIGNS_EVERY,
        )

    def received(self, value: Any) -> None:
        """A heartbeat, or what a controller says of a claim."""
        said = CameBack.from_json(value) or ClaimEnded.from_json(value)
        if said is not None:
            if isinstance(said, ClaimEnded) or said.controller == self._instance.as_string:
                self._tell_balancer(said)
            return
        beat = HostHeartbeat.from_json(value)
        self._hosts.heard(beat, time.monotonic())
        if beat.invoker is not None and beat.state == "stopped":
            self._tell_balancer(InvokerLeft(beat.invoker))
        if isinstance(self._messaging, HttpFirstMessaging) and beat.invoker is not None:
            self._learn(self._messaging, beat, self._topics.invoker(beat.invoker).name)

    def _tell_balancer(self, message: CameBack | ClaimEnded | InvokerLeft) -> None:
        if self._balancer is not None:
            self.tell(self._balancer, message)

    def _learn(self, messaging: HttpFirstMessaging, beat: HostHeartbeat, topic: str) -> None:
        """Where this invoker takes activations over HTTP, if it does.

        One that ends takes none; whoever has its place by now, at another address, still does.
        """
        host, _, port = beat.invoke.rpartition(":")
        if not (host and port.isdigit()):
            messaging.unlearn(topic)
        elif not beat.ends:
            messaging.learn(topic, host, int(port))
        elif messaging.address(topic) == (host, int(port)):
            messaging.unlearn(topic)
