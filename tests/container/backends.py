"""The back ends the contract suite runs over, and the functions that run in them."""

from __future__ import annotations

import asyncio
import os
import zlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from attrs import frozen

from owactors.container.docker.factory import DockerFactory
from owactors.container.docker.settings import DockerSettings
from owactors.container.memory.factory import MemoryFactory
from owactors.container.port import Container, ContainerFactory, ContainerSpec
from owactors.container.sandbox.factory import SandboxFactory
from owactors.container.sandbox.settings import SandboxSettings
from owactors.core.reply import ContainerReply, RunResult

KINDS = ("python:3", "nodejs:20", "nodejs:18", "native:1")
PATIENCE = 30.0
"""Seconds; much more than anything takes, for a machine that is busy."""

ECHO = "def main(args):\n    return args\n"
HELLO = "def main(args):\n    print('hello ' + args.get('name', 'you'))\n    return {'ok': True}\n"


@frozen
class Backend:
    """`make` builds a factory that keeps its data in the folder given."""

    name: str
    make: Callable[[Path], ContainerFactory]
    real: bool = True
    kinds: tuple[str, ...] = KINDS

    def spec(self, kind: str = "python:3", **options: Any) -> ContainerSpec:
        """A container for `kind`."""
        family = kind.replace(":", "-", 1).partition("-")
        options.setdefault("image", f"owactors/action-{family[0]}:{family[2]}")
        return ContainerSpec(name="wsk0_1_test", kind=kind, **options)


DISK = 32 * 2**20
"""What a container of these tests may write."""


def sandbox(name: str, **options: Any) -> Backend:
    """A sandbox back end with these settings."""
    return Backend(name, lambda folder: SandboxFactory(SandboxSettings(folder, KINDS, disk=DISK, **options)))


MEMORY = Backend("memory", lambda folder: MemoryFactory(), real=False, kinds=("python:3",))
SANDBOXES = (
    sandbox("sandbox-zygote"),
    sandbox("sandbox-zygote-no-cgroup", cgroups=False),
    sandbox("sandbox-bubblewrap", zygote=False),
    sandbox("sandbox-no-cgroup", zygote=False, cgroups=False),
    sandbox("sandbox-plain", zygote=False, bubblewrap=False),
    sandbox("sandbox-bare", zygote=False, bubblewrap=False, cgroups=False),
)


def docker(host: str, **options: Any) -> Backend:
    """The Docker back end on this engine; each data folder is a node of its own."""

    def make(folder: Path) -> DockerFactory:
        node = f"test-{zlib.crc32(str(folder).encode())}"
        return DockerFactory(DockerSettings(host, node=node, **{"disk": DISK, **options}))

    return Backend("docker", make, kinds=("python:3", "native:1"))


def init_body(code: str, main: str = "main", **more: Any) -> dict[str, Any]:
    """The body of /init."""
    return {"value": {"name": "hello", "main": main, "code": code, "binary": False, **more}}


def run_body(value: Any = None, **more: str) -> dict[str, Any]:
    """The body of /run."""
    fields = {"namespace": "guest", "action_name": "/guest/hello", "activation_id": "a" * 32, **more}
    return {"value": {} if value is None else value, **fields}


def scenario(backend: Backend, folder: Path, play: Callable[[ContainerFactory], Awaitable[Any]]) -> Any:
    """Run `play` with a started factory that is closed afterwards."""

    async def act() -> Any:
        factory = backend.make(folder)
        await factory.start()
        try:
            return await play(factory)
        finally:
            await factory.close()

    return asyncio.run(act())


async def started(
    factory: ContainerFactory, backend: Backend, code: str, kind: str = "python:3", **more: Any
) -> Container:
    """A container that was initialised with `code`."""
    container = await factory.create(backend.spec(kind))
    reply = body_of(await container.initialize(init_body(code, **more), PATIENCE))
    assert reply.status == 200, reply
    return container


def body_of(result: RunResult) -> ContainerReply:
    """The reply of an exchange that has one."""
    assert isinstance(result.outcome, ContainerReply), result
    return result.outcome


def texts(lines: tuple[str, ...]) -> list[str]:
    """Log lines without their time."""
    return [line[31:] for line in lines]


def alive_with(marker: str) -> list[int]:
    """Processes whose command line or environment contains `marker`."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            text = Path(f"/proc/{name}/cmdline").read_bytes() + Path(f"/proc/{name}/environ").read_bytes()
            state = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if marker.encode() in text and state not in "ZX":
            found.append(int(name))
    return found


def cgroups_with(marker: str) -> list[str]:
    """Control groups whose name contains `marker`."""
    return [path for path, folders, _ in os.walk("/sys/fs/cgroup") if marker in os.path.basename(path)]
