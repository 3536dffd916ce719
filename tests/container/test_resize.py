"""A container that was made with one amount of memory serves an action that wants another."""

from __future__ import annotations

from pathlib import Path

import pytest

from owactors.container.port import ContainerError, ContainerFactory
from owactors.core.reply import MemoryExhausted
from tests.container.backends import PATIENCE, Backend, body_of, init_body, run_body, scenario

MB = 2**20
EATER = "def main(args):\n    return {'n': len([bytearray(b'x' * 2**20) for _ in range(args['mb'])])}\n"


def test_more_and_less_memory(real_backend: Backend, folder: Path) -> None:
    """The new limit holds, and is what the outcome names."""

    async def play(factory: ContainerFactory) -> None:
        if not factory.resizes:
            pytest.skip("nothing here can change the memory of a container")
        grown, shrunk = [await factory.create(real_backend.spec(memory=size * MB)) for size in (64, 256)]
        await grown.resize(256 * MB, 512)
        await shrunk.resize(64 * MB, 64)
        for container in (grown, shrunk):
            await container.initialize(init_body(EATER), PATIENCE)
        assert body_of(await grown.run(run_body({"mb": 150}), PATIENCE)).status == 200
        outcome = (await shrunk.run(run_body({"mb": 150}), PATIENCE)).outcome
        assert isinstance(outcome, MemoryExhausted)
        assert outcome.allowed == 64 * MB

    scenario(real_backend, folder, play)


def test_a_container_that_is_gone_is_not_resized(backend: Backend, folder: Path) -> None:
    """Whoever wants that learns of it."""

    async def play(factory: ContainerFactory) -> None:
        container = await factory.create(backend.spec())
        await container.destroy()
        with pytest.raises(ContainerError):
            await container.resize(512 * MB)

    scenario(backend, folder, play)
