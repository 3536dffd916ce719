"""How soon nothing of a call is left that has run over its time: from its limit to the death of the last process."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import bench_backends as backends
from bench_client import Sample

from owactors.container.docker.container import DockerContainer
from owactors.container.port import Container
from owactors.container.sandbox.container import SandboxContainer
from owactors.container.sandbox.processes import start_time

LIMIT = 0.5
STUBBORN = """
import os, signal, time
def main(args):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if os.fork() == 0:
        os.setsid()
        while True:
            pass
    time.sleep(600)
"""


def living(container: Container) -> set[int]:
    """Its processes."""
    if isinstance(container, DockerContainer):
        found = container._group.pids() if container._group is not None else set()
    else:
        assert isinstance(container, SandboxContainer)
        group = container._parts.group
        found = group.pids() if group is not None else container._pids()
    return {pid for pid in found if start_time(pid) is not None}


async def one(container: Container) -> float:
    """Seconds that something of it lived on."""
    begun = time.perf_counter()
    run = asyncio.ensure_future(container.run({"value": {}}, LIMIT))
    await asyncio.sleep(LIMIT / 2)
    assert len(living(container)) > 1
    await asyncio.sleep(begun + LIMIT - time.perf_counter())
    while living(container):
        await asyncio.sleep(0.0005)
    ended = time.perf_counter()
    await run
    return ended - begun - LIMIT


async def overdue(way: backends.Way, count: int) -> dict[str, Any]:
    """For a function that ignores being asked and has a child that spins in a session of its own."""
    sample = Sample()
    async with backends.started(way) as factory:
        for _ in range(count):
            container = await factory.create(backends.spec())
            value = {"name": "stubborn", "main": "main", "code": STUBBORN, "binary": False}
            await container.initialize({"value": value}, 30)
            sample.times.append(await one(container))
            await container.destroy()
    return backends.figures(sample)
