"""One sandbox: a process tree that answers on a unix socket."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from attrs import define

from owactors.container.disk import WritingContainer, used
from owactors.container.ending import Autopsy, ending_of
from owactors.container.http import UnixAddress
from owactors.container.http_container import MEMORY_EXIT, until
from owactors.container.log_collector import STDERR, STDOUT
from owactors.container.network.private import Wire
from owactors.container.port import ContainerError
from owactors.container.sandbox import processes
from owactors.container.sandbox.cgroup import ControlGroup, OomCounter
from owactors.container.sandbox.freezing import freeze
from owactors.container.sandbox.processes import FirstProcess

CHUNK = 65536
MOST_CHUNKS = 64
"""How much is read in one go: enough for any pipe, and bounded for a container that never stops printing."""


@define(eq=False)
class Parts:
    """What the factory has put together for one sandbox; everything here has to go at the end."""

    id: str
    folder: Path
    folder_fd: int
    group: ControlGroup | None
    process: FirstProcess | None = None
    wire: Wire | None = None

    async def process_ended(self, seconds: float) -> bool:
        """Wait for the end of the first process; True if there is none."""
        return self.process is None or await self.process.ended(seconds)

    @property
    def socket_path(self) -> str:
        """The socket's path, in a form that is never too long for a socket."""
        path = str(self.folder / "s")
        return path if len(path.encode()) < 100 else f"/proc/self/fd/{self.folder_fd}/s"


class SandboxContainer(WritingContainer):
    """See Container. `forget` is called once when nothing of it is left, `unwire` before with what joined it to the
    private network.
    """

    backend = "sandbox"

    def __init__(
        self,
        parts: Parts,
        forget: Callable[[SandboxContainer], None],
        unwire: Callable[[Wire], object] = lambda wire: None,
    ) -> None:
        super().__init__(parts.id, UnixAddress(parts.socket_path))
        self._parts = parts
        self._forget, self._unwire = forget, unwire
        self._open_outputs: dict[int, int] = {}
        self._unread = select.poll()
        self._oom_kills = OomCounter.of(parts.group)
        self._removal: asyncio.Task[None] | None = None
        self._killing: asyncio.Future[set[int]] | None = None

    @contextlib.contextmanager
    def output_ends(self) -> Iterator[tuple[int, int]]:
        """The ends of two new pipes (stdout, stderr) that the process writes to; this object reads them."""
        loop = asyncio.get_running_loop()
        ends = []
        for stream in (STDOUT, STDERR):
            reading, writing = os.pipe()
            os.set_blocking(reading, False)
            self._open_outputs[stream] = reading
            self._unread.register(reading, select.POLLIN)
            loop.add_reader(reading, self._on_output, stream, reading)
            ends.append(writing)
        try:
            yield ends[STDOUT], ends[STDERR]
        finally:
            for fd in ends:
                os.close(fd)

    async def suspend(self) -> None:
        """See Container."""
        self._must_live()
        self.client.close()
        self.drain()
        if not await self._freeze():
            raise ContainerError(f"container {self.id} could not be frozen")

    async def resume(self) -> None:
        """See Container."""
        self._must_live()
        group = self._parts.group
        if group is not None and "freezer" in group.folders:
            if not group.thaw():
                raise ContainerError(f"container {self.id} could not be thawed")
        elif not await self._signal(signal.SIGCONT):
            raise ContainerError(f"container {self.id} has no processes any more")

    async def resize(self, memory: int, cpu_shares: int = 0, cpu_limit: float | None = None) -> None:
        """See Container; by its control group."""
        self._must_live()
        group = self._parts.group
        if group is None or not group.resize(memory, cpu_limit):
            raise ContainerError(f"container {self.id} could not be given {memory} bytes of memory")
        self.memory = memory

    async def destroy(self) -> None:
        """See Container."""
        if self._removal is None:
            self._removal = asyncio.get_running_loop().create_task(self._remove())
        await asyncio.shield(self._removal)

    def child_killed(self) -> bool:
        """By the kernel's counter."""
        return self._oom_kills.rose()

    def peak_memory(self) -> int | None:
        """By the kernel's counter."""
        return self._parts.group.peak_memory() if self._parts.group is not None else None

    async def autopsy(self) -> Autopsy:
        """By the kernel's counter, or by the exit code, with which our proxies report a MemoryError too."""
        killed = self._oom_kills.rose()
        if not killed:
            await until(lambda: self._exit_code() is not None, 0.1)
            killed = self._oom_kills.rose()
        code = self._exit_code()
        used = self.peak_memory() if killed else None
        ending = "" if code is None else ending_of(code)
        return Autopsy(killed or code == MEMORY_EXIT, used, self.memory, ending)

    def kill(self) -> None:
        """Every process; the output that is in the pipes stays."""
        if self._parts.group is not None:
            self._parts.group.kill()
        else:
            self._killing = asyncio.ensure_future(asyncio.to_thread(processes.kill_all, self._pids))

    async def written(self) -> int | None:
        """In its own folders; without a group also what deleted files hold is not known."""
        folders = [str(self._parts.folder / name) for name in ("work", "tmp")]
        pids = self._parts.group.pids() if self._parts.group is not None else ()
        return await asyncio.to_thread(used, folders, pids)

    def drain(self) -> None:
        """Read what is in the pipes now."""
        if not self._unread.poll(0):
            return
        for stream, fd in list(self._open_outputs.items()):
            self._read(stream, fd, MOST_CHUNKS)

    def last_words(self) -> str:
        """What the process said on its way out, for the message of a failed start."""
        self.drain()
        return self.collector.early_text()

    def _must_live(self) -> None:
        code = self._exit_code()
        if code is not None:
            raise ContainerError(f"container {self.id} has ended with exit code {code}")

    def _exit_code(self) -> int | None:
        process = self._parts.process
        return process.exit_code if process is not None else None

    async def _freeze(self) -> bool:
        group = self._parts.group
        if group is not None and "freezer" in group.folders:
            return await freeze(group)
        return await self._signal(signal.SIGSTOP)

    async def _signal(self, number: int) -> bool:
        return bool(await asyncio.to_thread(processes.signal_all, self._pids, number))

    def _pids(self) -> set[int]:
        parts = self._parts
        process = parts.process
        first = {process.pid} if process is not None and process.exit_code is None and process.pid > 0 else set()
        if parts.group is not None:
            found = parts.group.pids() | first
        else:
            found = processes.marked(parts.id).union(*(processes.descendants(pid) for pid in first))
        return {pid for pid in found if processes.start_time(pid) is not None}

    def _on_output(self, stream: int, fd: int) -> None:
        self._read(stream, fd, 4)

    def _read(self, stream: int, fd: int, chunks: int) -> None:
        for _ in range(chunks):
            try:
                data = os.read(fd, CHUNK)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self._close_output(stream, fd)
                return
            self.collector.receive(stream, data)
            if len(data) < CHUNK:
                return

    def _close_output(self, stream: int, fd: int) -> None:
        if self._open_outputs.pop(stream, None) is None:
            return
        asyncio.get_running_loop().remove_reader(fd)
        self._unread.unregister(fd)
        os.close(fd)
        self.collector.end_of_stream(stream)

    async def _remove(self) -> None:
        parts = self._parts
        self.client.retire()
        if parts.process is not None:
            await parts.process.settled(5.0)
        if self._killing is not None:
            await self._killing
        if parts.group is not None:
            await until(self._killed, 5.0)
        else:
            # Without a group every process of the machine is looked at, which takes a while.
            await asyncio.to_thread(self._kill_until_gone, 5.0)
        await parts.process_ended(5.0)
        for stream, fd in list(self._open_outputs.items()):
            self._read(stream, fd, MOST_CHUNKS)
            self._close_output(stream, fd)
        self._oom_kills.close()
        if parts.wire is not None:
            self._unwire(parts.wire)
        # What could not be removed keeps its folder, so that a later sweep finds it.
        if parts.group is None or await until(parts.group.remove, 5.0):
            await asyncio.to_thread(shutil.rmtree, parts.folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            os.close(parts.folder_fd)
        self._forget(self)

    def _kill_until_gone(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not self._killed() and time.monotonic() < deadline:
            time.sleep(0.005)

    def _killed(self) -> bool:
        """Kill whatever is left; True when nothing was."""
        parts = self._parts
        if parts.group is not None:
            parts.group.kill()
        return not processes.kill_all(self._pids)
