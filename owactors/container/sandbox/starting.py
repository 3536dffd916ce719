"""From prepared parts to a sandbox that listens: forked from the zygote, wrapped by bubblewrap, or a plain process."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from attrs import define, evolve

from owactors.container.http_container import Stopwatch
from owactors.container.network.pool import WirePool, own_maker
from owactors.container.port import ContainerSpec, WhiskContainerStartupError
from owactors.container.sandbox import bubblewrap
from owactors.container.sandbox.cgroup import ControlGroup
from owactors.container.sandbox.container import Parts, SandboxContainer
from owactors.container.sandbox.leftovers import SandboxState
from owactors.container.sandbox.processes import MARKER, OPEN_FILES, SandboxProcess, start_time
from owactors.container.sandbox.settings import Means, SandboxSettings
from owactors.container.sandbox.zygote import ForkedProcess, ForkRequest, Zygote, ZygoteFailed, Zygotes
from owactors.runtime import LAUNCH_FOLDER, Launcher

LOG = logging.getLogger(__name__)
MIB = 1024 * 1024
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
INTERPRETER_SPACE = 64 * MIB
"""Address space that an interpreter takes before any action does, for machines without memory control groups.
"""


class ZygoteLost(WhiskContainerStartupError):
    """The zygote ended before the sandbox listened. That says nothing about the sandbox: the next one may make it."""


@define(eq=False)
class Starter:
    """Starts what the factory has prepared. `zygotes` is None where none works, `wires` without a private network."""

    settings: SandboxSettings
    means: Means
    zygotes: Zygotes | None = None
    wires: WirePool | None = None

    async def boot(
        self, container: SandboxContainer, parts: Parts, spec: ContainerSpec, launcher: Launcher, watch: Stopwatch
    ) -> None:
        """Start it and wait until it listens. Raises WhiskContainerStartupError, ZygoteLost."""
        zygote = await self._zygote()
        try:
            await self._boot(zygote, container, parts, spec, launcher, watch)
        except WhiskContainerStartupError as failure:
            if zygote is not None and not zygote.alive:
                raise ZygoteLost(str(failure)) from failure
            raise

    async def _boot(
        self,
        zygote: Zygote | None,
        container: SandboxContainer,
        parts: Parts,
        spec: ContainerSpec,
        launcher: Launcher,
        watch: Stopwatch,
    ) -> None:
        ready, said_ready = os.pipe()
        try:
            await self._spawn(zygote, container, parts, spec, launcher, said_ready)
            watch.lap("start")
        except OSError as error:
            os.close(ready)
            raise WhiskContainerStartupError(f"the launcher of {spec.kind} cannot be run: {error}") from error
        except BaseException:
            os.close(ready)
            raise
        finally:
            os.close(said_ready)
        if not await _byte(ready, self.settings.start_timeout):
            if parts.process is not None:
                await parts.process.ended(0.5)
            raise WhiskContainerStartupError(_failure(container, parts, spec, self.settings.start_timeout))
        watch.lap("ready")
        container.phases = watch.laps

    async def _spawn(
        self,
        zygote: Zygote | None,
        container: SandboxContainer,
        parts: Parts,
        spec: ContainerSpec,
        launcher: Launcher,
        ready: int,
    ) -> None:
        if self.wires is not None:
            parts.wire = await self.wires.take(zygote, own_maker if zygote is None else zygote.namespace)
        with _listening(parts.socket_path) as listener, container.output_ends() as output:
            if zygote is not None:
                descriptors = (listener.fileno(), ready, *output)
                parts.process = await self._fork(zygote, parts, spec, launcher, descriptors)
            else:
                parts.process = self._run(parts, spec, launcher, listener.fileno(), ready, output)
        state = state_of(parts.id, spec, parts.group, self.settings.node)
        evolve(state, pid=parts.process.pid, started=start_time(parts.process.pid)).write(parts.folder)

    async def _zygote(self) -> Zygote | None:
        """The zygote; None if sandboxes are made without. They are never made weaker than was said at the start."""
        if self.zygotes is None:
            return None
        try:
            return await self.zygotes.get()
        except ZygoteFailed as failure:
            if self.means.bubblewrap is None:
                raise WhiskContainerStartupError(f"the zygote of the sandboxes does not work: {failure}") from failure
            LOG.warning("the zygote of the sandboxes does not work, bubblewrap is used: %s", failure)
            return None

    async def _fork(
        self, zygote: Zygote, parts: Parts, spec: ContainerSpec, launcher: Launcher, descriptors: tuple[int, ...]
    ) -> ForkedProcess:
        loaded = zygote.first_word(launcher)
        request = ForkRequest(
            id=parts.id,
            folder=parts.folder.name,
            command=(loaded,) if loaded else launcher.command(bubblewrap.LAUNCH, self._heap(spec)),
            environment=environment(spec, parts, bubblewrap.WORK, True),
            memory=self._address_space(spec, launcher),
            file_size=self.settings.disk,
            open_files=OPEN_FILES,
            shared_memory=spec.memory,
            wired=parts.wire is not None,
            born=parts.group is not None and parts.group.tree is not None,
        )
        wires = [] if parts.wire is None else [parts.wire.namespace]
        with _joined(parts.group) as groups:
            process = parts.process = zygote.fork(request, [*descriptors, *wires, *groups])
        if not await process.settled(self.settings.start_timeout):
            await zygote.close()
            raise OSError(f"the zygote did not answer within {self.settings.start_timeout:g} s")
        if process.failure:
            raise OSError(process.failure)
        return process

    def _run(
        self,
        parts: Parts,
        spec: ContainerSpec,
        launcher: Launcher,
        listener: int,
        ready: int,
        output: tuple[int, int],
    ) -> SandboxProcess:
        wrapper = self.means.bubblewrap
        work, tmp = str(parts.folder / "work"), str(parts.folder / "tmp")
        launch = bubblewrap.LAUNCH if wrapper is not None else str(LAUNCH_FOLDER)
        command = launcher.command(launch, self._heap(spec))
        command += ["--listen-fd", str(listener), "--ready-fd", str(ready)]
        with bubblewrap.readable(self.means.filter if wrapper is not None else None) as filter_fd:
            if wrapper is not None:
                command = wrapper.command(
                    command,
                    str(LAUNCH_FOLDER),
                    work,
                    tmp,
                    launcher.folders,
                    self.settings.network != "none",
                    filter_fd,
                    spec.memory,
                )
            if parts.wire is not None:
                command = ["nsenter", f"--net=/proc/{os.getpid()}/fd/{parts.wire.namespace}", "--", *command]
            return SandboxProcess.start(
                command,
                join=parts.group.joining if parts.group else (),
                address_space=self._address_space(spec, launcher),
                file_size=self.settings.disk,
                environment=environment(spec, parts, bubblewrap.WORK if wrapper else work, wrapper is not None),
                folder=parts.folder / "work",
                descriptors=(listener, ready, *([] if filter_fd is None else [filter_fd])),
                output=output,
            )

    def _heap(self, spec: ContainerSpec) -> int | None:
        return None if self.means.layout.has("memory") else spec.memory // MIB

    def _address_space(self, spec: ContainerSpec, launcher: Launcher) -> int | None:
        limited = self.means.layout.has("memory")
        return None if limited or not launcher.address_space_limit else spec.memory + INTERPRETER_SPACE


@contextlib.contextmanager
def _listening(path: str) -> Iterator[socket.socket]:
    """A socket that listens at `path`; our copy is closed once the sandbox has its own."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(path)
        listener.listen(128)
        yield listener


@contextlib.contextmanager
def _joined(group: ControlGroup | None) -> Iterator[list[int]]:
    """Descriptors of the folder to be born in, if there is one, and of the files to write to."""
    with contextlib.ExitStack() as opened:
        found = []
        if group is not None and group.tree is not None:
            found.append(os.open(group.tree, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
            opened.callback(os.close, found[0])
        for path in group.joining_born if group is not None else ():
            found.append(opened.enter_context(Path(path).open("wb", buffering=0)).fileno())
        yield found


async def _byte(fd: int, seconds: float) -> bool:
    """True when a byte comes from the pipe `fd`, False at its end or after `seconds`; closes it."""
    loop = asyncio.get_running_loop()
    came: asyncio.Future[bool] = loop.create_future()

    def readable() -> None:
        if not came.done():
            came.set_result(bool(os.read(fd, 1)))

    loop.add_reader(fd, readable)
    try:
        return await asyncio.wait_for(came, seconds)
    except TimeoutError:
        return False
    finally:
        loop.remove_reader(fd)
        os.close(fd)


def _failure(container: SandboxContainer, parts: Parts, spec: ContainerSpec, seconds: float) -> str:
    code = parts.process.exit_code if parts.process is not None else None
    what = f"did not answer within {seconds:g} s" if code is None else f"ended at once with exit code {code}"
    words = container.last_words().strip()
    return f"the launcher of {spec.kind} {what}" + (f": {words[-2000:]}" if words else "")


def state_of(id: str, spec: ContainerSpec, group: ControlGroup | None, node: str) -> SandboxState:
    """What is written down about a sandbox before it exists."""
    folders = {} if group is None else {name: str(path) for name, path in group.folders.items()}
    labels = {"node": node, **spec.labels}
    return SandboxState(id, spec.name, 0 if group is None else group.version, folders, labels)


def environment(spec: ContainerSpec, parts: Parts, home: str, wrapped: bool) -> dict[str, str]:
    """All that the first process sees."""
    return {
        "PATH": PATH,
        "HOME": home,
        "LANG": "C.UTF-8",
        "TMPDIR": "/tmp" if wrapped else str(parts.folder / "tmp"),
        MARKER: parts.id,
        **spec.environment,
    }
