"""Simulated hosts for scripts/bench cluster: one process that says what so many hosts say, by real messages."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import frozen
from thespian.actors import ActorAddress, ActorExitRequest, ActorSystem

from owactors import actorbase
from owactors.actor.bus import BusSettings
from owactors.actor.io import IoActor, on
from owactors.actor.messaging import MESSAGING
from owactors.actor.postman import Postman, PostmanSetup
from owactors.actorbase import KEY_FILE, LISTEN
from owactors.connector.port import ConnectorError
from owactors.connector.topics import Topics
from owactors.entity.ids import new_activation_id
from owactors.entity.instance import ControllerInstanceId, InvokerInstanceId
from owactors.entity.size import ByteSize
from owactors.entity.transaction import TransactionId
from owactors.message.ack import CompletionMessage
from owactors.message.health import PingMessage
from owactors.message.host import HostHeartbeat, HostIdentity
from owactors.message.payload import to_payload
from owactors.node.settings import Settings, load
from owactors.node.wiring_messaging import build_messaging, cluster_topics, messaging_settings

SECONDS = 60.0


@frozen(eq=False)
class CrowdSetup:
    """The first message; answered by `ready` when all topics are there and the hosts begin to speak."""

    messaging: Any
    topics: Topics
    hosts: int
    ready: str = "ready"


@frozen
class _TopicsThere:
    """To self."""


@frozen
class _Speak:
    """To self: the next host says that it is there."""

    host: int


@frozen
class HowMany:
    """To a crowd: how many messages are on their topics? Answered by a number."""


class Crowd(IoActor):
    """See the module's text."""

    @on(CrowdSetup)
    def setup(self, message: CrowdSetup, sender: ActorAddress) -> None:
        self._setup, self._asker = message, sender
        bus = message.messaging
        if isinstance(bus, BusSettings):
            self.tell(self.create(Postman), PostmanSetup(bus, bus.entrances))
        self.spawn(self._ensure(), done=lambda _: _TopicsThere())

    async def _ensure(self) -> None:
        topics, messaging = self._setup.topics, MESSAGING.get(self._setup.messaging)
        for host in range(self._setup.hosts):
            await messaging.ensure_topic(topics.invoker(host).name, topics.invoker(host).config)
        for topic in (topics.health(), topics.hosts(), topics.completed(ControllerInstanceId("0"))):
            await messaging.ensure_topic(topic.name, topic.config)

    @on(_TopicsThere)
    def topics_there(self, message: _TopicsThere, sender: ActorAddress) -> None:
        self._said = 0
        self._producer = MESSAGING.get(self._setup.messaging).producer()
        self.tell(self._asker, self._setup.ready)
        for host in range(self._setup.hosts):
            self.start_timer(f"host {host}", host / self._setup.hosts, _Speak(host))

    @on(HowMany)
    def how_many(self, message: HowMany, sender: ActorAddress) -> None:
        self.tell(sender, self._said)

    @on(_Speak)
    def speak(self, message: _Speak, sender: ActorAddress) -> None:
        host, topics = message.host, self._setup.topics
        self.start_timer(f"host {host}", 1.0, message)
        instance = InvokerInstanceId(host, ByteSize.mb(2048), unique_name=f"host{host}")
        beat = HostHeartbeat(
            HostIdentity(f"host{host}", "n", "b"), f"invoker{host}", "enabled", 3, 8192, 4096, "0.1.0", "0" * 12
        )
        self._send(topics.health().name, PingMessage(instance).to_json())
        self._send(topics.hosts().name, beat.to_json())
        if time.monotonic() - getattr(self, "_began", time.monotonic()) < 5:
            self._pass_the_test(instance)
        self._began = getattr(self, "_began", time.monotonic())

    def _pass_the_test(self, instance: InvokerInstanceId) -> None:
        """The test action that a controller sends to each new invoker has succeeded."""
        done = CompletionMessage(TransactionId.system("invokerHealth", 1), new_activation_id(), False, instance)
        self._send(self._setup.topics.completed(ControllerInstanceId("0")).name, done.to_json())

    def _send(self, topic: str, value: Any) -> None:
        self.spawn(self._say(topic, to_payload(value)), done=None, name="say")

    async def _say(self, topic: str, payload: bytes) -> None:
        try:
            await self._producer.send(topic, payload)
        except ConnectorError:
            return
        self._said += 1


def settings_of(options: list[str], folder: Path) -> Settings:
    """The settings of a host that joins the controller that was started with these options."""
    found: dict[str, Any] = {"node.data_dir": str(folder)}
    for name, value in zip(options[::2], options[1::2], strict=True):
        if name == "--set":
            key, _, value = value.partition("=")
            found[key] = value
        elif name == "--bus":
            found |= {"cluster.join": value, "cluster.transport": "actors"}
        elif name in _KEYS:
            found[_KEYS[name]] = value
    return load(None, found, {})


_KEYS = {"--kafka": "kafka.hosts", "--couchdb": "couchdb.url", "--key-file": "cluster.key_file"}


@contextmanager
def crowd(options: list[str], hosts: int, folder: Path) -> Iterator[Callable[[], int]]:
    """So many hosts speak to the controller until the block ends; how many messages are on their topics."""
    settings = settings_of(options, folder)
    MESSAGING.build = build_messaging
    actorbase.allow("bench_cluster_crowd")
    actorbase.install()
    network = {}
    if settings.cluster.transport == "actors":
        network = {LISTEN: "127.0.0.1", KEY_FILE: str(settings.cluster.key_file)}
    system = ActorSystem("owactorsBase", actorbase.capabilities(str(folder), more=network), transientUnique=True)
    try:
        actor = system.createActor(Crowd)
        setup = CrowdSetup(messaging_settings(settings), cluster_topics(settings), hosts)
        if system.ask(actor, setup, SECONDS) != setup.ready:
            raise SystemExit("the simulated hosts did not begin")
        yield lambda: int(system.ask(actor, HowMany(), SECONDS) or 0)
        system.tell(actor, ActorExitRequest())
    finally:
        system.shutdown()
