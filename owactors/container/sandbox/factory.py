"""Makes sandboxes, and sees to it that they go."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from attrs import define, evolve, field

from owactors.container.port import ContainerSpec, Protection, StartReport, WhiskContainerStartupError
from owactors.container.sandbox import bubblewrap, cgroup, leftovers
from owactors.container.sandbox.cgroup import CgroupLayout
from owactors.container.sandbox.container import Parts, SandboxContainer
from owactors.container.sandbox.leftovers import BootFolder, SandboxState
from owactors.container.sandbox.processes import MARKER, SandboxProcess, start_time
from owactors.container.sandbox.settings import Means, SandboxSettings
from owactors.runtime import LAUNCH_FOLDER, Launcher, LauncherMissing, compile_proxies, find_launchers

MIB = 1024 * 1024
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
INTERPRETER_SPACE = 64 * MIB
"""Address space that an interpreter takes before any action does, for machines without memory control groups.
"""
UNKNOWN_FOR = 60.0
"""Seconds after which a sandbox of our own that is in no table is taken for a leftover."""


@define(eq=False)
class SandboxFactory:
    """See ContainerFactory."""

    settings: SandboxSettings
    boot: str = field(factory=lambda: secrets.token_hex(4))
    _containers: dict[str, SandboxContainer] = field(factory=dict)
    _means: Means | None = None
    _folder: BootFolder | None = None
    _count: int = 0
    _starting: asyncio.Semaphore | None = None

    async def start(self) -> StartReport:
        """See ContainerFactory."""
        self._folder = self._make_folder()
        self._starting = asyncio.Semaphore(self.settings.parallel_starts)
        self._means = await asyncio.to_thread(self._probe)
        swept = await self.sweep()
        return StartReport("sandbox", self._means.protections(self.settings.network), tuple(swept))

    async def create(self, spec: ContainerSpec) -> SandboxContainer:
        """See ContainerFactory."""
        if self._starting is None or self._means is None:
            raise WhiskContainerStartupError("the sandbox back end was not started or is closed")
        launcher = self._launcher(self._means, spec)
        async with self._starting:
            parts = self._assemble(spec, self._means.layout)
            container = SandboxContainer(parts, self._forget)
            self._containers[parts.id] = container
            try:
                await self._boot(container, parts, spec, launcher, self._means)
            except BaseException:
                await container.destroy()
                raise
        return container

    async def sweep(self) -> list[str]:
        """See ContainerFactory."""
        return await asyncio.to_thread(self._sweep)

    async def close(self) -> None:
        """See ContainerFactory."""
        self._starting = None
        await asyncio.gather(*(container.destroy() for container in list(self._containers.values())))
        if self._folder is not None:
            folder, self._folder = self._folder, None
            await asyncio.to_thread(folder.remove)

    def report_of(self, name: str) -> Protection:
        """The protection called `name`, once started. Raises KeyError."""
        if self._means is None:
            raise KeyError(name)
        return {p.name: p for p in self._means.protections(self.settings.network)}[name]

    def _make_folder(self) -> BootFolder:
        try:
            return BootFolder.make(self.settings.data_dir, self.boot)
        except OSError as error:
            raise WhiskContainerStartupError(
                f"the data folder {self.settings.data_dir} cannot be used for sandboxes: {error.strerror}. "
                "Make it writable or choose another with --data-dir."
            ) from error

    def _probe(self) -> Means:
        launchers = find_launchers(self.settings.kinds)
        compile_proxies()
        layout = cgroup.detect() if self.settings.cgroups else CgroupLayout()
        found, reason = None, "switched off (setting)"
        if self.settings.bubblewrap:
            with tempfile.TemporaryDirectory(dir=self.settings.data_dir) as folder:
                found, reason = bubblewrap.probe(Path(folder))
        return Means(launchers, found, reason, layout)

    def _launcher(self, means: Means, spec: ContainerSpec) -> Launcher:
        if spec.user_provided_image:
            raise WhiskContainerStartupError(
                f"image {spec.image!r} cannot run in a sandbox: start the node with --container docker"
            )
        try:
            return means.launchers[spec.kind]
        except LauncherMissing as missing:
            raise WhiskContainerStartupError(str(missing)) from None

    def _assemble(self, spec: ContainerSpec, layout: CgroupLayout) -> Parts:
        assert self._folder is not None
        self._count += 1
        folder = self._folder.path / str(self._count)
        identity = f"{self.boot}-{self._count}"
        with contextlib.ExitStack() as undo:
            try:
                for path in (folder, folder / "work", folder / "tmp"):
                    path.mkdir(mode=0o700)
                undo.callback(leftovers.remove_sandbox, folder)
                group = cgroup.create(layout, identity, spec.cpu_limit is not None)
                if group is not None:
                    group.limit(spec.memory, spec.pids_limit, spec.cpu_limit)
                _state(identity, spec, group, self.settings.node).write(folder)
                folder_fd = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            except OSError as error:
                raise WhiskContainerStartupError(f"no sandbox could be prepared: {error}") from error
            undo.pop_all()
        return Parts(identity, folder, folder_fd, group)

    async def _boot(
        self, container: SandboxContainer, parts: Parts, spec: ContainerSpec, launcher: Launcher, means: Means
    ) -> None:
        ready, said_ready = os.pipe()
        try:
            self._spawn(container, parts, spec, launcher, means, said_ready)
        except OSError as error:
            os.close(ready)
            raise WhiskContainerStartupError(f"the launcher of {spec.kind} cannot be run: {error}") from error
        finally:
            os.close(said_ready)
        if not await _byte(ready, self.settings.start_timeout):
            await parts.process_ended(0.5)
            raise WhiskContainerStartupError(_failure(container, parts, spec, self.settings.start_timeout))

    def _spawn(
        self,
        container: SandboxContainer,
        parts: Parts,
        spec: ContainerSpec,
        launcher: Launcher,
        means: Means,
        ready: int,
    ) -> None:
        limited = means.layout.has("memory")
        heap = None if limited else spec.memory // MIB
        space = None if limited or not launcher.address_space_limit else spec.memory + INTERPRETER_SPACE
        wrapped = means.bubblewrap is not None
        launch = bubblewrap.LAUNCH if wrapped else str(LAUNCH_FOLDER)
        with _listening(parts.socket_path) as listener:
            command = launcher.command(launch, heap)
            command += ["--listen-fd", str(listener.fileno()), "--ready-fd", str(ready)]
            work, tmp = str(parts.folder / "work"), str(parts.folder / "tmp")
            if means.bubblewrap is not None:
                command = means.bubblewrap.command(
                    command, str(LAUNCH_FOLDER), work, tmp, launcher.folders, self.settings.network
                )
            with container.output_ends() as output:
                parts.process = SandboxProcess.start(
                    command,
                    join=cgroup.joining(parts.group.paths) if parts.group else (),
                    address_space=space,
                    environment=_environment(spec, parts, bubblewrap.WORK if wrapped else work, wrapped),
                    folder=parts.folder / "work",
                    descriptors=(listener.fileno(), ready),
                    output=output,
                )
        state = _state(parts.id, spec, parts.group, self.settings.node)
        evolve(state, pid=parts.process.pid, started=start_time(parts.process.pid)).write(parts.folder)

    def _sweep(self) -> list[str]:
        removed = []
        for path in leftovers.dead_boots(self.settings.data_dir, self.boot):
            removed += leftovers.remove_boot(path)
        if self._folder is not None:
            for folder in self._unknown(self._folder.path):
                identity = leftovers.remove_sandbox(folder)
                removed += [identity] if identity else []
        return removed

    def _unknown(self, boot: Path) -> list[Path]:
        old = time.time() - UNKNOWN_FOR
        folders = [path for path in boot.iterdir() if path.is_dir() and path.stat().st_mtime < old]
        return [path for path in folders if f"{self.boot}-{path.name}" not in self._containers]

    def _forget(self, container: SandboxContainer) -> None:
        self._containers.pop(container.id, None)


@contextlib.contextmanager
def _listening(path: str) -> Iterator[socket.socket]:
    """A socket that listens at `path`; our copy is closed once the sandbox has its own."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(path)
        listener.listen(128)
        yield listener


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


def _state(id: str, spec: ContainerSpec, group: cgroup.ControlGroup | None, node: str) -> SandboxState:
    folders = {} if group is None else {name: str(path) for name, path in group.folders.items()}
    labels = {"node": node, **spec.labels}
    return SandboxState(id, spec.name, 0 if group is None else group.version, folders, labels)


def _environment(spec: ContainerSpec, parts: Parts, home: str, wrapped: bool) -> dict[str, str]:
    return {
        "PATH": PATH,
        "HOME": home,
        "LANG": "C.UTF-8",
        "TMPDIR": "/tmp" if wrapped else str(parts.folder / "tmp"),
        MARKER: parts.id,
        **spec.environment,
    }
