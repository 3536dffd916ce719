"""Network namespaces made ahead: a container that does nothing holds one, and an action's container joins it.

The engine's work for a container's network is half of a start where the engine is slow at it, and can be done before
somebody waits. One action at a time is in a holder's namespace, so it has an address of its own as always.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from itertools import chain, repeat

from attrs import define, field, frozen

from owactors.container.docker.engine import Engine
from owactors.container.docker.errors import EngineError
from owactors.container.docker.images import packaged_tags
from owactors.container.docker.turns import PREWARM, REMOVAL, Turns
from owactors.container.port import MIB, ContainerSpec

LOG = logging.getLogger(__name__)
READY = 4
"""Holders that wait; a start that finds none is as slow as without."""
ROUNDS = 3
GAIN = 0.3
"""By so much a start must be shorter for holders to be worth their memory."""
MEMORY = 32 * MIB
PAUSES = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds after a holder that could not be made, until the next try."""
WAIT = ("-S", "-E", "-c", "import signal\nwhile True: signal.pause()")


@frozen
class Holder:
    """A container that runs, and the address of its namespace."""

    id: str
    address: str


@define(eq=False)
class Holders:
    """`make_name` and `labels` are the factory's, `remove` takes a container from the engine until it is gone."""

    engine: Engine
    turns: Turns
    make_name: Callable[[str], str]
    labels: Callable[[str], dict[str, str]]
    remove: Callable[[str], Awaitable[None]]
    on: bool = False
    _free: list[Holder] = field(factory=list)
    _known: set[str] = field(factory=set)
    _tasks: set[asyncio.Task[None]] = field(factory=set)
    _filling: asyncio.Task[None] | None = None
    _nameless: int = 0
    _closing: asyncio.Event = field(factory=asyncio.Event)

    def start(self, mode: str) -> None:
        """`off`, `on`, or `auto`: try out in the background whether it is worth it."""
        if mode != "off":
            self._spawn(self._begin(mode))

    def knows(self, id: str) -> bool:
        """True for a holder that is to be there; for anything while one is being made that has no id yet."""
        return self._nameless > 0 or id in self._known

    def take(self) -> Holder | None:
        """One that waits, if there is one."""
        holder = self._free.pop() if self.on and self._free else None
        self._refill()
        return holder

    def give_back(self, holder: Holder) -> None:
        """The container in it is gone."""
        if self.on and holder.id in self._known and len(self._free) < READY:
            self._free.append(holder)
        else:
            self.discard(holder)

    def discard(self, holder: Holder) -> None:
        """It is of no use any more."""
        if holder.id in self._known:
            self._known.discard(holder.id)
            self._spawn(self._remove(holder.id))

    def died(self, id: str) -> None:
        """The engine says so."""
        if id in self._known:
            self._free = [holder for holder in self._free if holder.id != id]
            self.discard(Holder(id, ""))
            self._refill()

    async def close(self) -> None:
        """Remove those that wait. Those in use come back by themselves when their containers go."""
        self.on = False
        self._closing.set()
        while self._tasks:
            await asyncio.wait(self._tasks)
        self._free.clear()
        for id in list(self._known):
            self.discard(Holder(id, ""))
        await asyncio.gather(*self._tasks)

    def _spawn(self, work: Awaitable[None]) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _remove(self, id: str) -> None:
        async with self.turns.of(REMOVAL):
            await self.remove(id)

    def _refill(self) -> None:
        if self.on and len(self._free) < READY and (self._filling is None or self._filling.done()):
            self._filling = self._spawn(self._fill())

    async def _fill(self) -> None:
        pauses = chain(PAUSES, repeat(PAUSES[-1]))
        while self.on and len(self._free) < READY:
            try:
                made = await self._make()
            except EngineError as error:
                seconds = next(pauses)
                LOG.warning("no network namespace could be made ahead, next try in %.1f s: %s", seconds, error.text)
                await self._rest(seconds)
            else:
                # Looked up now: it may be another list than before the making.
                self._free.append(made)

    async def _rest(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._closing.wait(), seconds)

    async def _begin(self, mode: str) -> None:
        try:
            self.on = mode == "on" or await self._worth_it()
        except EngineError as error:
            LOG.warning("containers have no network namespaces made ahead, the trial failed: %s", error.text)
            return
        self._refill()

    async def _worth_it(self) -> bool:
        image = packaged_tags()["python"][0]
        if not await self.engine.has_image(image):
            LOG.info("containers have no network namespaces made ahead: image %s is missing for the trial", image)
            return False
        holder = await self._make()
        try:
            without, within = [], []
            for _ in range(ROUNDS):
                without.append(await self._trial(image, None))
                within.append(await self._trial(image, holder))
        finally:
            self.discard(holder)
        return judged(min(without), min(within))

    async def _trial(self, image: str, holder: Holder | None) -> float:
        """Seconds that the engine takes to start a container."""
        spec = ContainerSpec("trial", "python:3", image=image)
        async with self.turns.of(PREWARM):
            id = await self._create(spec, "trial", network="" if holder is None else f"container:{holder.id}")
            try:
                begun = time.monotonic()
                await self.engine.start(id)
                return time.monotonic() - begun
            finally:
                await self.remove(id)
                self._known.discard(id)

    async def _create(self, spec: ContainerSpec, name: str, network: str = "", command: tuple[str, ...] = ()) -> str:
        self._nameless += 1
        try:
            id = await self.engine.create(
                self.make_name(name), spec, self.labels(name), network=network, command=command
            )
            self._known.add(id)
        finally:
            self._nameless -= 1
        return id

    async def _make(self) -> Holder:
        image = packaged_tags()["python"][0]
        spec = ContainerSpec("holder", "python:3", image=image, memory=MEMORY, pids_limit=4)
        async with self.turns.of(PREWARM):
            program = (await self.engine.command_of(image))[0]
            id = await self._create(spec, "holder", command=(program, *WAIT))
            try:
                await self.engine.start(id)
                state = await self.engine.inspect(id)
                if not state.address:
                    raise EngineError(0, "a holder of a network namespace has no address")
            except BaseException:
                self._known.discard(id)
                await self.remove(id)
                raise
        return Holder(id, state.address)


def judged(without: float, within: float) -> bool:
    """Whether holders are worth it; says so in the log."""
    on = within < without * (1 - GAIN)
    LOG.info(
        "network namespaces made ahead are %s: a start takes %.0f ms with one and %.0f ms without",
        "on" if on else "off",
        within * 1000,
        without * 1000,
    )
    return on
