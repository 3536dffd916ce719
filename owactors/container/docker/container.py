"""One container of a Docker engine."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from owactors.container.disk import WritingContainer, used
from owactors.container.docker.attach import AttachProtocol, attach
from owactors.container.docker.engine import Engine, Running
from owactors.container.docker.errors import EngineError
from owactors.container.docker.holders import Holder
from owactors.container.docker.processgroup import groups_of
from owactors.container.docker.wire import device_of, unplug
from owactors.container.ending import Autopsy, ending_of
from owactors.container.http import TcpAddress
from owactors.container.http_container import MEMORY_EXIT
from owactors.container.log_collector import STDERR, STDOUT
from owactors.container.port import ContainerError
from owactors.container.sandbox.cgroup import ControlGroup, OomCounter
from owactors.container.sandbox.freezing import freeze
from owactors.core.reply import RunResult

LOG = logging.getLogger(__name__)
QUIET = 0.03
"""Seconds without output after which nothing more is expected of a container that writes no end marks."""

PAUSED = 409
"""The engine's status for attaching to a container that it has paused: its output is read when it is resumed."""
REATTACH_PAUSE = 0.2
"""Seconds between tries to read on while the engine is away."""


class DockerContainer(WritingContainer):
    """See Container. `remove` takes it from the engine, in the factory's queue."""

    backend = "docker"

    def __init__(
        self, id: str, engine: Engine, remove: Callable[[DockerContainer], Awaitable[None]], key: str = ""
    ) -> None:
        super().__init__(id, TcpAddress("", engine.settings.port))
        self.client.key = key
        self._engine = engine
        self._remove = remove
        self._stream: AttachProtocol | None = None
        self._group: ControlGroup | None = None
        self._oom_kills = OomCounter.of(None)
        self.oom_told = False
        self.exit_code: int | None = None
        self._frozen = False
        self.initializing = False
        self._disk: tuple[str, ...] = ()
        self._device: int | None = None
        self._unread = False
        self.holder: Holder | None = None
        self._last_output = 0.0
        self._removal: asyncio.Task[None] | None = None
        self._killing: asyncio.Task[None] | None = None
        self._reattaching: asyncio.Task[None] | None = None
        self.ended = asyncio.Event()

    async def initialize(self, body: Mapping[str, Any], timeout: float, max_concurrent: int = 1) -> RunResult:
        """See Container."""
        self.initializing = True
        try:
            return await super().initialize(body, timeout, max_concurrent)
        finally:
            self.initializing = False

    async def attach(self) -> None:
        """Start reading its output. Raises EngineError."""
        self._stream = await attach(self._engine.settings.host, self.id, self._on_output, self._on_stream_end)

    def located(self, state: Running) -> None:
        """It runs; from now on it has an address, and perhaps control groups that we may use."""
        address = state.address if self.holder is None else self.holder.address
        self.client.address = TcpAddress(address, self._engine.settings.port)
        self._group = groups_of(state.pid, self.id)
        self._device = device_of(state.pid) if self._group is not None else None
        self._oom_kills = OomCounter.of(self._group)
        # Its layer has a name that only one engine has, so a path that is there is that of this machine.
        self._disk = state.disk if state.disk and os.access(state.disk[0], os.R_OK | os.X_OK) else ()

    async def written(self) -> int | None:
        """On the engine's disk where that can be read, with what deleted files hold; else what the engine adds up."""
        if self._disk:
            pids = self._group.pids() if self._group is not None else ()
            return await asyncio.to_thread(used, self._disk, pids)
        try:
            return await self._engine.written(self.id)
        except EngineError as error:
            LOG.debug("the disk of container %s cannot be looked at now: %s", self.id, error)
            return 0

    async def suspend(self) -> None:
        """See Container: by writing to its freezer where that is allowed, else by the engine."""
        self.client.close()
        if self._group is not None and "freezer" in self._group.folders:
            self._must_live(self._group)
            if not await freeze(self._group):
                raise ContainerError(f"container {self.id} could not be frozen")
            self._frozen = True
            return
        await self._by_engine(self._engine.pause(self.id))

    async def resume(self) -> None:
        """See Container: the same way as it was suspended, for the engine does not know of our freezing."""
        if self._group is not None and "freezer" in self._group.folders:
            self._must_live(self._group)
            if not self._group.thaw():
                raise ContainerError(f"container {self.id} could not be thawed")
            self._frozen = False
            return
        await self._by_engine(self._engine.unpause(self.id))
        if self._unread:
            await self._by_engine(self.attach())
            self._unread = self.doubtful = False

    async def resize(self, memory: int, cpu_shares: int = 0, cpu_limit: float | None = None) -> None:
        """See Container; by the engine, so that it shows what holds."""
        await self._by_engine(self._engine.update(self.id, memory, cpu_shares, cpu_limit))
        self.memory = memory

    async def destroy(self) -> None:
        """See Container."""
        if self._removal is None:
            self._removal = asyncio.get_running_loop().create_task(self._destroy())
        await asyncio.shield(self._removal)

    async def settle(self) -> None:
        """Wait until it has been quiet for a moment, at most half a second."""
        deadline = time.monotonic() + 0.5
        await asyncio.sleep(QUIET)
        while time.monotonic() - self._last_output < QUIET and time.monotonic() < deadline:
            await asyncio.sleep(QUIET)

    def has_died(self, code: int | None) -> None:
        """The engine says so. `code`: with which its first process ended, None if nobody knows."""
        self.exit_code = code
        self.client.retire()

    def child_killed(self) -> bool:
        """By the kernel's counter, or where that cannot be read by the engine's event, which comes a little later."""
        if self._oom_kills.works:
            return self._oom_kills.rose()
        told, self.oom_told = self.oom_told, False
        return told

    def peak_memory(self) -> int | None:
        """By the kernel's counter, where that can be read."""
        return self._group.peak_memory() if self._group is not None else None

    async def autopsy(self) -> Autopsy:
        """By the kernel's counter, which goes with the container; then by the engine, which knows later."""
        killed = self.child_killed()
        used = self.peak_memory() if killed else None
        for _ in range(200):
            try:
                state = await self._engine.inspect(self.id)
            except EngineError:
                break
            if not state.running:
                killed = killed or self.child_killed() or state.oom_killed
                return self._autopsy(killed, used, ending_of(state.exit_code), state.exit_code == MEMORY_EXIT)
            if killed or self._removal is not None:
                break
            await asyncio.sleep(0.005)
        return self._autopsy(killed, used)

    def _autopsy(self, killed: bool, used: int | None, ending: str = "", gave_up: bool = False) -> Autopsy:
        """`killed`: by the kernel, which does so when all of the memory is taken; `gave_up`: by its own choice."""
        return Autopsy(killed or gave_up, used or (self.memory if killed else None), self.memory, ending)

    def kill(self) -> None:
        """By its control group where that is ours to use, else by the engine."""
        if self._group is not None:
            self._group.kill()
        else:
            self._killing = asyncio.get_running_loop().create_task(self._killed_by_engine())

    async def still_there(self) -> bool:
        """The engine says so, or is away and cannot have given the address to another container."""
        try:
            return (await self._engine.inspect(self.id)).running
        except EngineError as error:
            return error.status == 0

    def last_words(self) -> str:
        """What it said before it ended, for the message of a failed start."""
        return self.collector.early_text()

    def _must_live(self, group: ControlGroup) -> None:
        """Podman keeps the groups of a container that has ended."""
        if not group.pids():
            raise ContainerError(f"container {self.id} has ended")

    async def _by_engine(self, call: Awaitable[None]) -> None:
        try:
            await call
        except EngineError as error:
            raise ContainerError(f"container {self.id}: {error.text}") from error

    async def _killed_by_engine(self) -> None:
        try:
            await self._engine.kill(self.id)
        except EngineError as error:
            LOG.debug("container %s was not killed, its removal follows: %s", self.id, error)

    async def _destroy(self) -> None:
        self.client.retire()
        if self._frozen and self._group is not None:
            self._group.thaw()
        await self._remove(self)
        if self._stream is not None:
            self._stream.close()
        if self._reattaching is not None:
            self._reattaching.cancel()
        self._oom_kills.close()
        self._end()

    def _on_output(self, stream: int, data: bytes) -> None:
        self._last_output = time.monotonic()
        self.collector.receive(stream, data)

    def _on_stream_end(self) -> None:
        if self._removal is None:
            self.doubtful = True
            self._reattaching = asyncio.get_running_loop().create_task(self._reattach_or_end())

    async def _reattach_or_end(self) -> None:
        """The stream also ends when the engine is restarted and the container lives on."""
        away = False
        while self._removal is None:
            try:
                if (await self._engine.inspect(self.id)).running:
                    await self.attach()
                    self.doubtful = False
                    return
                break
            except EngineError as error:
                if error.status == PAUSED:
                    self._unread = True
                    return
                if error.status:
                    break
                away = True
                LOG.debug("the output of container %s cannot be read now: %s", self.id, error)
            await asyncio.sleep(REATTACH_PAUSE)
        self._end()
        if away and self._device is not None:
            await asyncio.to_thread(unplug, self._device)

    def _end(self) -> None:
        self.client.retire()
        self.ended.set()
        self.collector.end_of_stream(STDOUT)
        self.collector.end_of_stream(STDERR)
