"""Thousands of operations in random order, many at once: books and machine always agree, and nothing is left.

OWACTORS_TEST_SEED chooses another order, OWACTORS_TEST_OPERATIONS multiplies how many there are.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from owactors.container.docker.engine import THREADS
from owactors.container.port import ContainerFactory
from owactors.container.sandbox.factory import SandboxFactory
from owactors.container.sandbox.zygote import TRIES
from tests.container.backends import PATIENCE, Backend
from tests.container.lives import SEED, TIMES, Lives, quiet_start
from tests.container.reality import reality_of

OPERATIONS = {
    "memory": 1500,
    "sandbox-zygote": 1500,
    "sandbox-zygote-no-cgroup": 500,
    "sandbox-bubblewrap": 500,
    "sandbox-no-cgroup": 300,
    "sandbox-plain": 300,
    "sandbox-bare": 200,
    "docker": 250,
}


def test_there_are_enough() -> None:
    """All back ends together."""
    assert sum(OPERATIONS.values()) >= 5000


@pytest.mark.timeout(int(600 * max(1.0, TIMES)))
def test_random_lives(backend: Backend, folder: Path) -> None:
    """Whatever happens to containers, the factory knows exactly those that there are."""

    async def act() -> None:
        factory = backend.make(folder)
        await factory.start()
        try:
            await quiet_start(factory, backend)
            open_before = len(os.listdir("/proc/self/fd")) + (THREADS if backend.name == "docker" else 0)
            lives = Lives(backend, factory, reality_of(factory, folder), SEED, zygote_killer(factory))
            try:
                await lives.play(int(OPERATIONS[backend.name] * TIMES))
            finally:
                print(f"seed {SEED}:", dict(lives.done))
            await descriptors_at_most(open_before)
        finally:
            await factory.close()
        assert not list((folder / "sandboxes").glob("*"))

    asyncio.run(act())


def zygote_killer(factory: ContainerFactory) -> Callable[[], Awaitable[bool]] | None:
    """Kills the process that all sandboxes come from, where there is one."""
    if not isinstance(factory, SandboxFactory) or factory._means is None or not factory._means.zygote:
        return None

    async def kill() -> bool:
        assert factory._zygotes is not None
        if factory._zygotes.tries < TRIES:
            return False  # the one before was killed before it made anything: once more, and it is taken for unfit
        zygote = await factory._zygotes.get()
        os.kill(zygote.process.pid, signal.SIGKILL)
        assert await zygote.process.ended(PATIENCE)
        return True

    return kill


async def descriptors_at_most(number: int) -> None:
    """What was opened for containers is closed again; connections to an engine are kept."""
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while (count := len(os.listdir("/proc/self/fd"))) > number:
        assert asyncio.get_running_loop().time() < deadline, f"{count} descriptors are open, there were {number}"
        await asyncio.sleep(0.05)
