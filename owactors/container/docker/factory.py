"""Makes containers on a Docker engine, and sees to it that they go."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import secrets
from pathlib import Path
from typing import Any

from attrs import define, evolve, field

from owactors.container.docker.container import DockerContainer
from owactors.container.docker.engine import Engine, EngineError, split_tag
from owactors.container.docker.settings import DockerSettings
from owactors.container.http_container import Stopwatch
from owactors.container.port import (
    BlackboxStartupError,
    ContainerSpec,
    Protection,
    StartReport,
    WhiskContainerStartupError,
)
from owactors.container.sandbox.processes import start_time

LOG = logging.getLogger(__name__)
KEY_VARIABLE = "__OWACTORS_KEY"
LABEL = "owactors.node"
BOOT, OWNER, NAME = "owactors.boot", "owactors.owner", "owactors.name"
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
    _pulls: dict[str, asyncio.Task[None]] = field(factory=dict)
    _starts: asyncio.Semaphore = field(init=False)
    _removals: asyncio.Semaphore = field(init=False)
    _count: int = 0
    _open: bool = False

    def __attrs_post_init__(self) -> None:
        self._engine = Engine(self.settings)
        self._starts = asyncio.Semaphore(self.settings.parallel_starts)
        self._removals = asyncio.Semaphore(self.settings.parallel_removals)

    async def start(self) -> StartReport:
        """See ContainerFactory."""
        version = await self._engine.connect()
        try:
            swept = await self.sweep()
        except EngineError as error:
            raise WhiskContainerStartupError(error.text) from error
        self._open = True
        return StartReport(f"docker {version}", self._protections(), tuple(swept))

    async def create(self, spec: ContainerSpec) -> DockerContainer:
        """See ContainerFactory."""
        if not self._open:
            raise WhiskContainerStartupError("the Docker back end was not started or is closed")
        # The engine cannot be told to forget a call, so the work goes on when the caller goes away.
        task = asyncio.ensure_future(self._make(spec))
        self._making.add(task)
        task.add_done_callback(self._making.discard)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(self._discard_result)
            raise

    async def sweep(self) -> list[str]:
        """See ContainerFactory."""
        found = await self._engine.labelled(f"{LABEL}={self.settings.node}")
        leftovers = {id: labels for id, labels in found if self._is_leftover(id, labels)}
        # All at once, so that one which will not go keeps no other.
        await asyncio.gather(*(self._remove_leftover(id, labels) for id, labels in leftovers.items()))
        return list(leftovers)

    async def close(self) -> None:
        """See ContainerFactory."""
        self._open = False
        await asyncio.gather(*self._making, return_exceptions=True)
        await asyncio.gather(*(container.destroy() for container in list(self._containers.values())))
        self._engine.close()

    async def _make(self, spec: ContainerSpec) -> DockerContainer:
        watch = Stopwatch()
        pulled = True
        if spec.user_provided_image:
            pulled = await self._pull(spec)
            watch.lap("pull")
        self._count += 1
        name = f"{re.sub('[^A-Za-z0-9_.-]', '_', spec.name)}_{self.boot}_{self._count}"
        async with self._starts:
            watch.lap("queue")
            try:
                container = await self._created(name, spec)
                watch.lap("create")
            except EngineError as error:
                await self._remove_quietly(name)
                raise self._refusal(spec, error, pulled) from error
            try:
                await self._run(container, watch)
            except EngineError as error:
                await container.destroy()
                raise self._refusal(spec, error, pulled) from error
            except BaseException:
                await container.destroy()
                raise
        return container

    async def _created(self, name: str, spec: ContainerSpec) -> DockerContainer:
        labels = {**spec.labels, LABEL: self.settings.node, BOOT: self.boot, OWNER: owner(), NAME: spec.name}
        key = secrets.token_hex(16)
        # Containers reach each other over the network they share.
        spec = evolve(spec, environment={**spec.environment, KEY_VARIABLE: key})
        id = await self._engine.create(name, spec, labels)
        container = DockerContainer(id, self._engine, self._remove, key)
        container.kind, container.memory = spec.kind, spec.memory
        self._containers[id] = container
        return container

    async def _run(self, container: DockerContainer, watch: Stopwatch) -> None:
        await container.attach()
        await self._engine.start(container.id)
        watch.lap("start")
        state = await self._engine.inspect(container.id)
        if state.running and not state.address:
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

    async def _pull(self, spec: ContainerSpec) -> bool:
        """Pull a user's image; False if that failed although it may be there already (it has a tag)."""
        task = self._pulls.get(spec.image)
        if task is None:
            task = self._pulls[spec.image] = asyncio.ensure_future(self._engine.pull(spec.image))
            task.add_done_callback(lambda _: self._pulls.pop(spec.image, None))
        try:
            await asyncio.shield(task)
        except EngineError as error:
            if split_tag(spec.image)[1] in (None, "latest"):
                raise BlackboxStartupError(f"Failed to pull container image '{spec.image}'. ({error.text})") from error
            LOG.info("pulling %s failed, perhaps it is there: %s", spec.image, error.text)
            return False
        return True

    def _refusal(self, spec: ContainerSpec, error: EngineError, pulled: bool) -> Exception:
        if spec.user_provided_image and not pulled:
            return BlackboxStartupError(f"Failed to pull container image '{spec.image}'. ({error.text})")
        if NOT_FOUND.search(error.text) and error.status in (400, 500):
            text = f"executable file not found in image '{spec.image}': {error.text}"
            return BlackboxStartupError(text) if spec.user_provided_image else WhiskContainerStartupError(text)
        if error.status == 404 and "image" in error.text.lower():
            return WhiskContainerStartupError(
                f"image {spec.image!r} is not on the engine at {self.settings.host}; "
                "pull it, or build the packaged kinds with scripts/images"
            )
        return WhiskContainerStartupError(f"a container of {spec.image} could not be started: {error.text}")

    def _discard_result(self, task: asyncio.Task[DockerContainer]) -> None:
        if not task.cancelled() and task.exception() is None:
            removal = asyncio.ensure_future(task.result().destroy())
            self._making.add(removal)
            removal.add_done_callback(self._making.discard)

    async def _remove(self, container: DockerContainer) -> None:
        async with self._removals:
            await self._remove_until_gone(container.id)
        self._containers.pop(container.id, None)

    async def _remove_leftover(self, id: str, labels: dict[str, str]) -> None:
        LOG.info("removing container %s (%s) that was left over", id[:12], labels.get(NAME))
        async with self._removals:
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

    def _is_leftover(self, id: str, labels: dict[str, str]) -> bool:
        if labels.get(BOOT) == self.boot:
            return id not in self._containers and not self._making
        return not owner_lives(labels.get(OWNER, ""))

    def _protections(self) -> tuple[Protection, ...]:
        settings = self.settings
        return (
            Protection("file system", True, "the image, " + ("read-only" if settings.read_only else "own layer")),
            Protection("processes", True, "own namespaces"),
            Protection("capabilities", bool(settings.cap_drop), "dropped: " + ", ".join(settings.cap_drop)),
            Protection("network", True, f"own interface in network {settings.network!r}"),
            Protection("memory", True, "memory and swap limited together"),
            Protection("pids", True, "limit per container"),
            Protection("system calls", True, "the engine's default filter"),
        )


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
