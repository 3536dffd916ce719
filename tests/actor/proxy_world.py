"""A pool of one proxy for tests of real systems: calls at once, a later one, its removal; importable everywhere."""

from __future__ import annotations

from typing import Any

from attrs import evolve, frozen
from thespian.actors import ActorAddress

from owactors.actor.containerproxy import ContainerProxy
from owactors.actor.io import IoActor, on
from owactors.entity.exec import CodeExec
from owactors.message.container import (
    ContainerDestroyed,
    ContainerRemoved,
    NeedWork,
    ProxySetup,
    Remove,
    RescheduleJob,
    Run,
    SendAck,
    StoreActivation,
)
from tests.core.proxying import SETTINGS, action, message

PYTHON = CodeExec("python:3", "")
PAUSE_GRACE = 0.03


@frozen
class Scene:
    """To the root: play it. Played comes back. `folder` is for the marks of the containers."""

    folder: str
    calls: int


@frozen
class Look:
    """To the root: what was played so far? Played comes back."""


@frozen
class Played:
    """What the proxy said: the results, how many of its calls it told the pool, and the kinds of what else it said."""

    results: tuple[Any, ...]
    finished: int
    records: int
    said: tuple[str, ...]


@frozen
class _Later:
    """To self: some time after the last call."""


class PoolOfOne(IoActor):
    """Scene in, Played out."""

    def __init__(self) -> None:
        super().__init__()
        self.results: list[Any] = []
        self.finished = self.records = 0
        self.said: list[str] = []

    @on(Scene)
    def begin(self, scene: Scene, sender: ActorAddress) -> None:
        self.asker, self.scene = sender, scene
        self.proxy = self.create(ContainerProxy, colocate=False)
        settings = evolve(SETTINGS, pause_grace=PAUSE_GRACE)
        setup = ProxySetup(settings, self.myAddress, self.myAddress, 1, factory_settings=scene.folder)
        self.tell(self.proxy, setup)
        for number in range(scene.calls):
            self._call(number)

    def _call(self, number: int) -> None:
        wanted = action(exec=PYTHON, name="a1", concurrency=4, logs=0, timeout=5000)
        self.tell(self.proxy, Run(wanted, message(number + 1, content={})))

    @on(SendAck)
    def acknowledged(self, told: SendAck, sender: ActorAddress) -> None:
        response = getattr(told.ack, "response", None)
        if response is not None and not isinstance(response, str):
            self.results.append(response.response.result)

    @on(StoreActivation)
    def recorded(self, told: StoreActivation, sender: ActorAddress) -> None:
        self.records += 1

    @on(NeedWork)
    def has_room(self, told: NeedWork, sender: ActorAddress) -> None:
        self.finished += told.finished
        if self.finished > self.scene.calls:
            self.tell(self.proxy, Remove())
        elif self.finished == self.scene.calls:
            self.start_timer("later", 10 * PAUSE_GRACE, _Later())

    @on(_Later)
    def call_again(self, told: _Later, sender: ActorAddress) -> None:
        """By now the container rests: it has to be woken."""
        self._call(self.scene.calls)

    @on(ContainerRemoved, RescheduleJob)
    def leaving(self, told: ContainerRemoved | RescheduleJob, sender: ActorAddress) -> None:
        self.finished += told.finished
        self.said.append(type(told).__name__)

    @on(Run)
    def handed_back(self, told: Run, sender: ActorAddress) -> None:
        self.said.append("handed back")

    @on(ContainerDestroyed)
    def destroyed(self, told: ContainerDestroyed, sender: ActorAddress) -> None:
        self.said.append(type(told).__name__)
        self._show(self.asker)

    @on(Look)
    def look(self, told: Look, sender: ActorAddress) -> None:
        self._show(sender)

    def _show(self, to: ActorAddress) -> None:
        self.tell(to, Played(tuple(self.results), self.finished, self.records, tuple(self.said)))
