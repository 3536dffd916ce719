"""What would hold an action back on this machine, as the node itself finds it out when it starts."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from attrs import evolve

from owactors.container.docker.factory import DockerFactory
from owactors.container.port import Protection, WhiskContainerStartupError
from owactors.container.sandbox.factory import SandboxFactory
from owactors.container.sandbox.settings import SandboxSettings
from owactors.node.settings import Settings
from owactors.node.wiring import manifest_of
from owactors.node.wiring_containers import factory_settings


def protections(settings: Settings) -> tuple[Protection, ...]:
    """One after the other, on or off and why. Tries them out in a folder of its own and leaves nothing."""
    wanted = factory_settings(settings, manifest_of(settings))
    if not isinstance(wanted, SandboxSettings):
        return asyncio.run(DockerFactory(wanted).look())
    with tempfile.TemporaryDirectory(prefix="owactors-doctor-") as folder:
        try:
            return asyncio.run(_of_sandbox(evolve(wanted, data_dir=Path(folder))))
        except WhiskContainerStartupError as failure:
            return (Protection("sandbox", False, str(failure)),)


async def _of_sandbox(settings: SandboxSettings) -> tuple[Protection, ...]:
    factory = SandboxFactory(settings)
    try:
        return (await factory.start()).protections
    finally:
        await factory.close()


def table(found: tuple[Protection, ...]) -> list[str]:
    """A line for each, in columns."""
    width = max(len(protection.name) for protection in found)
    return [f"{p.name:{width}}  {'on ' if p.on else 'off'}  {p.detail}" for p in found]
