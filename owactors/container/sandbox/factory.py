"""Makes sandboxes, and sees to it that they go."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import tempfile
import time
from pathlib import Path
from typing import Any

from attrs import define, evolve, field

from owactors.container.disk import DiskWatch
from owactors.container.http_container import Stopwatch
from owactors.container.network.guard import GuardFailed
from owactors.container.network.pool import WirePool
from owactors.container.network.private import RESOLVERS, NetworkFailed, PrivateNetwork, Wire
from owactors.container.port import ContainerSpec, Protection, StartReport, WhiskContainerStartupError
from owactors.container.sandbox import bubblewrap, cgroup, leftovers, seccomp
from owactors.container.sandbox.bootgroup import BootGroup
from owactors.container.sandbox.cgroup import CgroupLayout, ControlGroup
from owactors.container.sandbox.container import Parts, SandboxContainer
from owactors.container.sandbox.guarding import guarded
from owactors.container.sandbox.leftovers import BootFolder
from owactors.container.sandbox.settings import Means, SandboxSettings
from owactors.container.sandbox.starting import Starter, ZygoteLost, state_of
from owactors.container.sandbox.zygote import ZygoteFailed, Zygotes, layout_for
from owactors.runtime import Launcher, LauncherMissing, compile_proxies, find_launchers

LOG = logging.getLogger(__name__)
UNKNOWN_FOR = 60.0
"""Seconds after which a sandbox of our own that is in no table is taken for a leftover."""


@define(eq=False)
class SandboxFactory:
    """See ContainerFactory."""

    backend: str = field(default="sandbox", init=False)
    settings: SandboxSettings
    boot: str = field(factory=lambda: secrets.token_hex(4))
    _containers: dict[str, SandboxContainer] = field(factory=dict)
    _means: Means | None = None
    _folder: BootFolder | None = None
    _group: BootGroup | None = None
    _count: int = 0
    _starter: Starter | None = None
    _zygotes: Zygotes | None = None
    _wires: WirePool | None = None
    _starting: asyncio.Semaphore = field(init=False)
    _disk: DiskWatch = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._starting = asyncio.Semaphore(self.settings.parallel_starts)
        self._disk = DiskWatch(self.settings.disk, lambda: list(self._containers.values()))

    async def start(self) -> StartReport:
        """See ContainerFactory."""
        self._folder = self._make_folder()
        try:
            layout = await asyncio.to_thread(cgroup.detect) if self.settings.cgroups else CgroupLayout()
            # Both wait for a process of theirs.
            means, guarding = await asyncio.gather(asyncio.to_thread(self._probe, layout), self._guarding(layout))
            self._means = evolve(means, **guarding)
            self._group = BootGroup.make(self._means.layout, self.boot, self._folder.path, UNKNOWN_FOR)
            swept = await self.sweep()
            self._means = await self._with_network(self._folder.path, self._means)
            self._means = evolve(self._means, zygote_reason=await self._try_zygote(self._folder.path, self._means))
            if self._wires is not None and not self._means.wrapped:
                raise _no_network(f"neither zygote nor bubblewrap works ({self._means.bubblewrap_reason})")
        except BaseException:
            await self.close()
            raise
        zygotes = self._zygotes if self._means.zygote else None
        self._starter = Starter(self.settings, self._means, zygotes, self._wires)
        self._disk.start()
        return StartReport("sandbox", self._means.protections(self.settings.network, self.settings.disk), tuple(swept))

    async def create(self, spec: ContainerSpec) -> SandboxContainer:
        """See ContainerFactory."""
        starter = self._starter
        if starter is None:
            raise WhiskContainerStartupError("the sandbox back end was not started or is closed")
        launcher = self._launcher(starter.means, spec)
        async with self._starting:
            if self._starter is not starter:
                raise WhiskContainerStartupError("the sandbox back end was closed")
            try:
                return await self._create(starter, spec, launcher)
            except ZygoteLost as lost:
                LOG.warning("the zygote of the sandboxes has ended, another one is started: %s", lost)
                return await self._create(starter, spec, launcher)

    async def _create(self, starter: Starter, spec: ContainerSpec, launcher: Launcher) -> SandboxContainer:
        watch = Stopwatch()
        parts = self._assemble(spec, starter.means)
        container = SandboxContainer(parts, self._forget, self._unwire)
        container.kind, container.memory = spec.kind, spec.memory
        self._containers[parts.id] = container
        watch.lap("create")
        try:
            await starter.boot(container, parts, spec, launcher, watch)
        except BaseException:
            await container.destroy()
            raise
        return container

    async def sweep(self) -> list[str]:
        """See ContainerFactory."""
        return await asyncio.to_thread(self._sweep)

    async def close(self) -> None:
        """See ContainerFactory."""
        self._starter = None
        self._disk.stop()
        if self._wires is not None:
            self._wires.stop()
        removals = (container.destroy() for container in list(self._containers.values()))
        for failure in await asyncio.gather(*removals, return_exceptions=True):
            if isinstance(failure, BaseException):
                LOG.error("a sandbox could not be removed", exc_info=failure)
        if self._zygotes is not None:
            await self._zygotes.close()
        if self._wires is not None:
            wires, self._wires = self._wires, None
            await wires.close()
        if self._means is not None and self._means.guard is not None:
            self._means.guard.close()
        if self._folder is not None:
            folder, self._folder = self._folder, None
            await asyncio.to_thread(folder.remove)
        if self._group is not None:
            self._group.remove()
            self._group = None

    @property
    def limits_memory(self) -> bool:
        """True if the kernel holds a sandbox to its memory, all processes together."""
        return self._means is not None and self._means.layout.has("memory")

    @property
    def resizes(self) -> bool:
        """See ContainerFactory: what holds a sandbox to its memory from outside can be changed."""
        return self.limits_memory

    def report_of(self, name: str) -> Protection:
        """The protection called `name`, once started. Raises KeyError."""
        if self._means is None:
            raise KeyError(name)
        return {p.name: p for p in self._means.protections(self.settings.network, self.settings.disk)}[name]

    def _make_folder(self) -> BootFolder:
        try:
            return BootFolder.make(self.settings.data_dir, self.boot)
        except OSError as error:
            raise WhiskContainerStartupError(
                f"the data folder {self.settings.data_dir} cannot be used for sandboxes: {error.strerror}. "
                "Make it writable or choose another with --data-dir."
            ) from error

    def _probe(self, layout: CgroupLayout) -> Means:
        launchers = find_launchers(self.settings.kinds)
        compile_proxies()
        found, reason, filter = None, "switched off (setting)", seccomp.program()
        if self.settings.bubblewrap:
            with tempfile.TemporaryDirectory(dir=self.settings.data_dir) as folder:
                found, reason = bubblewrap.probe(Path(folder), filter)
        return Means(launchers, found, reason, layout, filter=filter)

    async def _with_network(self, folder: Path, means: Means) -> Means:
        """Make the private network, if one is wanted. Raises WhiskContainerStartupError."""
        settings = self.settings
        if settings.network != "private":
            return means
        try:
            network = await asyncio.to_thread(PrivateNetwork.open, self.boot, folder, settings.dns, settings.open_ports)
        except NetworkFailed as failure:
            raise _no_network(str(failure)) from failure
        self._wires = WirePool(network)
        wrapper = means.bubblewrap
        if wrapper is not None:
            wrapper = evolve(wrapper, resolvers=str(folder / RESOLVERS))
        return evolve(means, private=network.detail(), bubblewrap=wrapper)

    async def _guarding(self, layout: CgroupLayout) -> dict[str, Any]:
        """What Means say of the guard, if one is wanted. Raises WhiskContainerStartupError."""
        settings = self.settings
        if settings.network not in ("auto", "guarded"):
            return {}
        reason = "control groups are switched off (setting)"
        if settings.cgroups:
            try:
                found = await asyncio.to_thread(guarded, layout, (*settings.own_ports, *settings.open_ports))
                return dict(zip(("layout", "guard"), found, strict=True))
            except GuardFailed as failure:
                reason = str(failure)
        if settings.network == "guarded":
            raise _no_network(reason, "guarded")
        return {"guard_reason": reason}

    async def _try_zygote(self, folder: Path, means: Means) -> str:
        """Start a zygote and have it make a sandbox; why that does not work, or nothing."""
        resolvers = str(folder / RESOLVERS) if self._wires is not None else ""
        layout = layout_for(means.launchers, folder, self.settings.network, resolvers)
        if not self.settings.zygote:
            return "switched off (setting)"
        if layout is None:
            return "no filter of system calls is known for this processor"
        self._zygotes = Zygotes(layout, self.boot, folder, self.settings.start_timeout)
        kind = next(iter(means.launchers.found), None)
        try:
            await self._zygotes.get()
            if kind is not None:
                strict = Starter(self.settings, evolve(means, bubblewrap=None), self._zygotes, self._wires)
                trial = ContainerSpec("probe", kind)
                await (await self._create(strict, trial, means.launchers[kind])).destroy()
        except (ZygoteFailed, WhiskContainerStartupError) as failure:
            await self._zygotes.close()
            return str(failure)
        return ""

    def _launcher(self, means: Means, spec: ContainerSpec) -> Launcher:
        if spec.user_provided_image:
            raise WhiskContainerStartupError(
                f"image {spec.image!r} cannot run in a sandbox: start the node with --container docker"
            )
        try:
            return means.launchers[spec.kind]
        except LauncherMissing as missing:
            raise WhiskContainerStartupError(str(missing)) from None

    def _assemble(self, spec: ContainerSpec, means: Means) -> Parts:
        assert self._folder is not None
        with contextlib.ExitStack() as undo:
            try:
                folder = self._new_folder(self._folder.path)
                identity = f"{self.boot}-{folder.name}"
                undo.callback(leftovers.remove_sandbox, folder)
                for path in (folder / "work", folder / "tmp"):
                    path.mkdir(mode=0o700)
                group = cgroup.create(means.layout, identity)
                if group is not None:
                    group.limit(spec.memory, spec.pids_limit, spec.cpu_limit)
                    self._watch(means, group)
                state_of(identity, spec, group, self.settings.node).write(folder)
                folder_fd = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            except OSError as error:
                raise WhiskContainerStartupError(f"no sandbox could be prepared: {error}") from error
            undo.pop_all()
        return Parts(identity, folder, folder_fd, group)

    @staticmethod
    def _watch(means: Means, group: ControlGroup) -> None:
        if means.guard is not None and group.tree is not None:
            means.guard.watch(group.tree)

    def _new_folder(self, parent: Path) -> Path:
        """The next number that is free: processes that were forked from this one count for themselves. OSError."""
        while True:
            self._count += 1
            try:
                (parent / str(self._count)).mkdir(mode=0o700)
            except FileExistsError:
                continue
            return parent / str(self._count)

    def _sweep(self) -> list[str]:
        removed = []
        for path in leftovers.dead_boots(self.settings.data_dir, self.boot):
            removed += leftovers.remove_boot(path)
        if self._group is not None:
            removed += self._group.look()
        if self._means is not None and self._means.guard is not None:
            self._means.guard.refresh()
        if self._folder is not None:
            for folder in self._unknown(self._folder.path):
                identity = leftovers.remove_sandbox(folder)
                removed += [identity] if identity else []
        return removed

    def _unknown(self, boot: Path) -> list[Path]:
        old = time.time() - UNKNOWN_FOR
        folders = [path for path in boot.iterdir() if path.is_dir() and path.stat().st_mtime < old]
        return [path for path in folders if f"{self.boot}-{path.name}" not in self._containers]

    def _unwire(self, wire: Wire) -> None:
        if self._wires is not None:
            self._wires.give_back(wire)

    def _forget(self, container: SandboxContainer) -> None:
        self._containers.pop(container.id, None)


def _no_network(reason: str, kind: str = "private") -> WhiskContainerStartupError:
    return WhiskContainerStartupError(
        f"sandboxes cannot have a {kind} network here: {reason}. Set sandbox.network to host (actions share this "
        "machine's network) or none."
    )
