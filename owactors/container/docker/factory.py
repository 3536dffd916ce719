"""Makes containers on a Docker engine, and sees to it that they go."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import secrets
from collections.abc import Coroutine, Iterable
from pathlib import Path
from typing import Any, TypeVar

from attrs import define, evolve, field

from owactors.container.disk import DiskWatch
from owactors.container.docker.container import DockerContainer
from owactors.container.docker.engine import Engine, limits
from owactors.container.docker.errors import EngineError
from owactors.container.docker.events import EngineEvents
from owactors.container.docker.extras import extras
from owactors.container.docker.holders import Holder, Holders
from owactors.container.docker.naming import resolved
from owactors.container.docker.protections import protections
from owactors.container.docker.pulls import Pulled, Pulls, failed, not_there
from owactors.container.docker.settings import DockerSettings
from owactors.container.docker.turns import COLD_START, PREWARM, REMOVAL, Turns
from owactors.container.http_container import Stopwatch, until
from owactors.container.port import (
    BlackboxStartupError,
    ContainerSpec,
    Protection,
    StartReport,
    WhiskContainerStartupError,
)
from owactors.container.sandbox.processes import start_time

LOG = logging.getLogger(__name__)
T = TypeVar("T")
KEY_VARIABLE = "__OWACTORS_KEY"
LABEL = "owactors.node"
BOOT, OWNER, NAME = "owactors.boot", "owactors.owner", "owactors.name"
GIVE_WAY, MOST_GIVEN_WAY = 0.05, 1.0
"""Seconds that the start of a prewarmed container waits for an /init to begin, and to end."""
NOT_FOUND = re.compile("executable file not found|no such file or directory", re.IGNORECASE)


@define(eq=False)
class DockerFactory:
    """See ContainerFactory."""

    backend: str = field(default="docker", init=False)
    settings: DockerSettings = field(factory=DockerSettings)
    boot: str = field(factory=lambda: secrets.token_hex(4))
    _engine: Engine = field(init=False)
    _containers: dict[str, DockerContainer] = field(factory=dict)
    _making: set[asyncio.Task[Any]] = field(factory=set)
    _pulls: Pulls = field(init=False)
    _turns: Turns = field(init=False)
    _events: EngineEvents = field(init=False)
    _holders: Holders = field(init=False)
    _looking: asyncio.Task[list[str]] | None = None
    _count: int = 0
    _open: bool = False
    _resizes: bool = False
    _maps_users: bool = False
    _disk: DiskWatch = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._engine = Engine(self.settings)
        self._pulls = Pulls(self._engine, self.settings)
        self._turns = Turns(self.settings.parallel_starts)
        self._holders = Holders(self._engine, self._turns, self._new_name, self._labels, self._remove_until_gone)
        self._disk = DiskWatch(self.settings.disk, lambda: list(self._containers.values()))
        label = f"{LABEL}={self.settings.node}"
        self._events = EngineEvents(self.settings.host, label, self._died, self._out_of_memory, self._events_lost)

    @property
    def resizes(self) -> bool:
        """See ContainerFactory: the engine was asked."""
        return self._resizes

    async def start(self) -> StartReport:
        """See ContainerFactory."""
        try:
            limits(self.settings)
        except ValueError:
            raise WhiskContainerStartupError(
                f"docker.ulimits must be a list of name=soft:hard, not {list(self.settings.ulimits)}"
            ) from None
        try:
            extras(self.settings.extra_args)
        except ValueError as error:
            raise WhiskContainerStartupError(f"docker.extra_args: {error}") from None
        version = await self._engine.connect()
        try:
            swept = await self.sweep()
            await self._ask()
        except EngineError as error:
            raise WhiskContainerStartupError(error.text) from error
        self._resizes = await self._engine.can_update()
        self._open = True
        self._events.start()
        self._disk.start()
        self._holders.start(self.settings.holders)
        return StartReport(f"docker {version}", self.protections(), tuple(swept))

    async def create(self, spec: ContainerSpec) -> DockerContainer:
        """See ContainerFactory."""
        if not self._open:
            raise WhiskContainerStartupError("the Docker back end was not started or is closed")
        task = self._beside(self._make(spec))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.cancel()
            await asyncio.shield(self._beside(self._undo(task)))
            raise

    def _beside(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.ensure_future(work)
        self._making.add(task)
        task.add_done_callback(self._making.discard)
        return task

    async def _undo(self, making: asyncio.Task[DockerContainer]) -> None:
        await asyncio.wait({making})
        if not making.cancelled() and making.exception() is None:
            await making.result().destroy()

    async def sweep(self) -> list[str]:
        """See ContainerFactory."""
        known = list(self._containers)
        found = await self._engine.labelled(f"{LABEL}={self.settings.node}")
        self._declare_dead(set(known) - {id for id, _ in found})
        leftovers = {id: labels for id, labels in found if self._is_leftover(id, labels)}
        # All at once, so that one which will not go keeps no other.
        await asyncio.gather(*(self._remove_leftover(id, labels) for id, labels in leftovers.items()))
        return list(leftovers)

    async def close(self) -> None:
        """See ContainerFactory."""
        self._open = False
        self._events.stop()
        self._disk.stop()
        if self._looking is not None:
            self._looking.cancel()
        await asyncio.gather(*self._making, return_exceptions=True)
        await asyncio.gather(*(container.destroy() for container in list(self._containers.values())))
        await self._holders.close()
        self._engine.close()

    async def _make(self, spec: ContainerSpec) -> DockerContainer:
        watch = Stopwatch()
        image = resolved(spec, self.settings)
        pulled = await self._pulls.prepare(spec, image)
        if pulled is not Pulled.NOT_WANTED:
            watch.lap("pull")
        spec = evolve(spec, image=image)
        holder = self._holders.take()
        try:
            if holder is not None:
                try:
                    return await self._started(spec, watch, holder)
                except EngineError as error:
                    # It may have died, which says nothing about the container.
                    LOG.info("a network namespace made ahead is of no use, starting without: %s", error.text)
            return await self._started(spec, watch, None)
        except EngineError as error:
            raise self._refusal(spec, error, pulled) from error

    async def _started(self, spec: ContainerSpec, watch: Stopwatch, holder: Holder | None) -> DockerContainer:
        name = self._new_name(spec.name)
        made: list[DockerContainer] = []
        asked = False
        try:
            if spec.prewarm:
                await self._give_way()
            async with self._turns.of(PREWARM if spec.prewarm else COLD_START):
                asked = True
                watch.lap("queue")
                made.append(await self._created(name, spec, holder))
                watch.lap("create")
                await self._run(made[0], watch)
        except BaseException:
            # After the turn: a removal needs one too.
            if made:
                await made[0].destroy()
            elif asked:
                await self._remove_quietly(name)
            elif holder is not None:
                self._holders.give_back(holder)
            raise
        return made[0]

    async def _give_way(self) -> None:
        """A start keeps every processor busy for a while: the call whose container is to be replaced goes first."""
        await asyncio.sleep(GIVE_WAY)
        await until(lambda: not any(one.initializing for one in self._containers.values()), MOST_GIVEN_WAY)

    def _new_name(self, wanted: str) -> str:
        self._count += 1
        return f"{re.sub('[^A-Za-z0-9_.-]', '_', wanted)}_{self.boot}_{self._count}"

    def _labels(self, name: str) -> dict[str, str]:
        return {LABEL: self.settings.node, BOOT: self.boot, OWNER: owner(), NAME: name}

    async def _created(self, name: str, spec: ContainerSpec, holder: Holder | None) -> DockerContainer:
        labels = {**spec.labels, **self._labels(spec.name)}
        key = secrets.token_hex(16)
        # Containers reach each other over the network they share.
        spec = evolve(spec, environment={**spec.environment, KEY_VARIABLE: key})
        try:
            network = "" if holder is None else f"container:{holder.id}"
            id = await _to_its_end(self._engine.create(name, spec, labels, network=network))
        except BaseException:
            if holder is not None:
                self._holders.discard(holder)
            raise
        container = DockerContainer(id, self._engine, self._remove, key)
        container.kind, container.memory = spec.kind, spec.memory
        container.holder = holder
        self._containers[id] = container
        return container

    async def _run(self, container: DockerContainer, watch: Stopwatch) -> None:
        await container.attach()
        await _to_its_end(self._engine.start(container.id))
        watch.lap("start")
        state = await self._engine.inspect(container.id)
        if state.running and not state.address and container.holder is None:
            raise EngineError(0, f"it has no address in network {self.settings.network!r}")
        container.located(state)
        await self._until_listening(container)
        watch.lap("ready")
        container.phases = watch.laps

    async def _until_listening(self, container: DockerContainer) -> None:
        deadline = asyncio.get_running_loop().time() + self.settings.start_timeout
        ended = asyncio.ensure_future(container.ended.wait())
        try:
            while not await container.ping():
                await asyncio.wait({ended}, timeout=0.003)
                if ended.done():
                    state = await self._engine.inspect(container.id)
                    words = container.last_words().strip()[-2000:]
                    raise EngineError(0, f"it ended at once with exit code {state.exit_code}: {words}")
                if asyncio.get_running_loop().time() > deadline:
                    raise EngineError(0, f"nothing listens on port {self.settings.port} of {container.address}")
        finally:
            ended.cancel()

    def _refusal(self, spec: ContainerSpec, error: EngineError, pulled: Pulled) -> Exception:
        if spec.user_provided_image and pulled is Pulled.FAILED:
            return failed(spec.image, error.text)
        if NOT_FOUND.search(error.text) and error.status in (400, 404, 500):
            text = f"executable file not found in image '{spec.image}': {error.text}"
            return BlackboxStartupError(text) if spec.user_provided_image else WhiskContainerStartupError(text)
        if error.status == 404 and "image" in error.text.lower():
            if spec.user_provided_image:
                return not_there(spec.image)
            return WhiskContainerStartupError(
                f"image {spec.image!r} is not on the engine at {self.settings.host}; "
                "pull it, or build the packaged kinds with scripts/images"
            )
        return WhiskContainerStartupError(f"a container of {spec.image} could not be started: {error.text}")

    async def _remove(self, container: DockerContainer) -> None:
        async with self._turns.of(REMOVAL):
            await self._remove_until_gone(container.id)
        self._containers.pop(container.id, None)
        holder, container.holder = container.holder, None
        if holder is not None:
            # What never answered may be the holder's fault.
            (self._holders.give_back if container.phases else self._holders.discard)(holder)

    async def _remove_leftover(self, id: str, labels: dict[str, str]) -> None:
        LOG.info("removing container %s (%s) that was left over", id[:12], labels.get(NAME))
        async with self._turns.of(REMOVAL):
            await self._remove_until_gone(id)

    async def _remove_until_gone(self, id: str, tries: int = 20) -> None:
        pause = 0.02
        for _ in range(tries):
            try:
                await self._engine.remove(id)
                if not await self._engine.exists(id):
                    return
            except EngineError as error:
                LOG.warning("container %s could not be removed, trying again: %s", id[:12], error.text)
            await asyncio.sleep(pause)
            pause = min(2.0, pause * 1.5)
        LOG.error("container %s could not be removed; the next sweep tries again", id[:12])

    async def _remove_quietly(self, name: str) -> None:
        """After a failed or timed-out creation, which may have left a container all the same."""
        try:
            await self._engine.remove(name)
        except EngineError as error:
            LOG.warning("after a failed creation: %s", error.text)

    def _declare_dead(self, ids: Iterable[str]) -> None:
        """The engine does not know them any more."""
        for id in ids:
            container = self._containers.get(id)
            if container is not None:
                LOG.warning("container %s is gone from the engine", id[:12])
                container.has_died(None)

    def _died(self, id: str, code: int) -> None:
        self._holders.died(id)
        container = self._containers.get(id)
        if container is not None:
            container.has_died(code)

    def _out_of_memory(self, id: str) -> None:
        container = self._containers.get(id)
        if container is not None:
            container.oom_told = True

    def _events_lost(self) -> None:
        """Compare with the engine, as soon as it answers; once at a time."""
        if self._open and self._containers and (self._looking is None or self._looking.done()):
            self._looking = asyncio.ensure_future(self.sweep())
            self._looking.add_done_callback(_forget_failure)

    def _is_leftover(self, id: str, labels: dict[str, str]) -> bool:
        if labels.get(BOOT) == self.boot:
            return id not in self._containers and not self._making and not self._holders.knows(id)
        return not owner_lives(labels.get(OWNER, ""))

    async def look(self) -> tuple[Protection, ...]:
        """What would hold a function back, without a start; what only the engine can say is missing if it is away."""
        with contextlib.suppress(WhiskContainerStartupError, EngineError):
            await self._engine.connect()
            await self._ask()
        self._engine.close()
        return self.protections()

    async def _ask(self) -> None:
        """What only the engine knows of its protections. Raises EngineError."""
        self._maps_users = await self._engine.maps_users()
        self._engine.disk_limited = self.settings.disk > 0 and await self._engine.limits_disk(self._labels("trial"))

    def protections(self) -> tuple[Protection, ...]:
        """What holds a function back; the engine need not be there to say so."""
        return protections(self.settings, self._maps_users, self._engine.disk_limited)


async def _to_its_end(call: Coroutine[Any, Any, T]) -> T:
    """Also if this is cancelled: the engine cannot be told to forget a call, and what it did can be undone after it."""
    task = asyncio.ensure_future(call)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise


def _forget_failure(task: asyncio.Task[list[str]]) -> None:
    """The engine is still away; the end of the next try to listen asks again."""
    if not task.cancelled() and task.exception() is not None:
        LOG.debug("the engine cannot be asked now: %s", task.exception())


def owner() -> str:
    """This process, named for all times: kernel boot, process id, its start time."""
    return f"{_kernel_boot()}:{os.getpid()}:{start_time(os.getpid())}"


def owner_lives(text: str) -> bool:
    """True if the process that `owner()` named lives on this machine."""
    boot, _, rest = text.partition(":")
    pid, _, started = rest.partition(":")
    return boot == _kernel_boot() and pid.isdigit() and str(start_time(int(pid))) == started


def _kernel_boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
