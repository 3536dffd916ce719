"""The engine is killed and started again under containers. It is an engine of this test's own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import define

from owactors.container.docker.build import load_images
from owactors.container.docker.container import DockerContainer
from owactors.container.docker.factory import DockerFactory
from owactors.container.port import Container, ContainerError, ContainerFactory, WhiskContainerStartupError
from owactors.core.reply import ConnectionFailed, NoResponseReceived
from tests.container.backends import ECHO, HELLO, PATIENCE, body_of, docker, run_body, scenario, started, texts
from tests.container.engines import CHECKOUT, unavailable
from tests.container.lives import SEED, TIMES, Lives
from tests.container.reality import reality_of

SCRIPT = str(CHECKOUT / "scripts" / "services.d" / "docker")


@define
class OwnEngine:
    """An engine that may be killed. With `restore` its containers outlive it."""

    folder: Path
    restore: bool

    @property
    def host(self) -> str:
        """Its address."""
        return f"unix://{self.folder}/docker.sock"

    def command(self, word: str) -> subprocess.CompletedProcess[str]:
        """Start or stop it."""
        given = {**os.environ, "OWACTORS_DOCKER_CONFIG": json.dumps({"live-restore": self.restore})}
        command = [SCRIPT, word, str(self.folder)]
        return subprocess.run(command, capture_output=True, text=True, timeout=300, env=given)

    def kill(self) -> None:
        """With no time to prepare for it."""
        os.kill(int((self.folder / "dockerd.pid").read_text()), signal.SIGKILL)

    async def start_again(self) -> None:
        """After `kill`."""
        begun = await asyncio.to_thread(self.command, "start")
        assert begun.returncode == 0, begun.stderr


@pytest.fixture(params=[False, True], ids=["", "live-restore"])
def own_engine(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[OwnEngine]:
    """One with our Python image."""
    engine = OwnEngine(tmp_path / "dk", request.param)
    begun = engine.command("start")
    if begun.returncode != 0:
        unavailable("docker", begun.stderr.strip().splitlines())
    try:
        asyncio.run(load_images(engine.host, ["python"]))
        yield engine
    finally:
        assert engine.command("stop").returncode == 0
        assert not engine.folder.exists()


@pytest.mark.services
@pytest.mark.timeout(600)
def test_engine_is_killed_and_comes_back(own_engine: OwnEngine, tmp_path: Path) -> None:
    """Warm containers go on answering, nothing new is made meanwhile, and all heals by itself.

    With live-restore they stay and are read again, also one that was frozen; without it the engine ends them when it
    comes back, and whoever calls them is told.
    """
    backend = docker(own_engine.host)

    async def play(factory: ContainerFactory) -> None:
        container, frozen = [await started(factory, backend, HELLO) for _ in range(2)]
        await frozen.suspend()
        own_engine.kill()
        reply = body_of(await container.run(run_body(), PATIENCE))
        assert reply.body == b'{"ok": true}'
        assert (await container.logs(10_000, True)).state != "complete"
        with pytest.raises(WhiskContainerStartupError):
            await factory.create(backend.spec())
        await own_engine.start_again()
        fresh = await started(factory, backend, ECHO)
        assert body_of(await fresh.run(run_body({"n": 2}), PATIENCE)).body == b'{"n": 2}'
        assert (await fresh.logs(10_000, True)).state == "complete"
        await (outlived if own_engine.restore else ended)(container, frozen)
        await container.destroy()
        await frozen.destroy()
        assert not await container.ping()

    scenario(backend, tmp_path, play)


async def outlived(container: Container, frozen: Container) -> None:
    """They are what they were, and their logs are whole again."""
    await settled(container, frozen)
    await frozen.resume()
    for one in (container, frozen):
        assert body_of(await one.run(run_body({"name": "Ada"}), PATIENCE)).body == b'{"ok": true}'
        assert texts((await one.logs(10_000, True)).lines) == ["stdout: hello Ada"]


async def ended(container: Container, frozen: Container) -> None:
    """Nobody answers."""
    with contextlib.suppress(ContainerError):
        await frozen.resume()
    for one in (container, frozen):
        outcome = (await one.run(run_body(), PATIENCE)).outcome
        assert isinstance(outcome, NoResponseReceived | ConnectionFailed), outcome


async def settled(*containers: Container) -> None:
    """Wait until their output is read again."""
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while any(task is not None and not task.done() for task in (reading_again(one) for one in containers)):
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.05)


def reading_again(container: Container) -> asyncio.Task[None] | None:
    """The try to do so, if there is one."""
    assert isinstance(container, DockerContainer)
    return container._reattaching


@pytest.mark.services
@pytest.mark.timeout(600)
def test_random_lives_through_restarts(own_engine: OwnEngine, tmp_path: Path) -> None:
    """Books and engine agree again after each."""
    backend = docker(own_engine.host)

    async def play(factory: ContainerFactory) -> None:
        async def restart() -> bool:
            own_engine.kill()
            await own_engine.start_again()
            if own_engine.restore:
                await settled(*lives_of(factory))
            return not own_engine.restore

        lives = Lives(backend, factory, reality_of(factory, tmp_path), SEED, restart, peace=3)
        try:
            await lives.play(int((100 if own_engine.restore else 40) * TIMES))
        finally:
            print(f"seed {SEED}:", dict(lives.done))
        assert lives.done["calamity"] > 0

    scenario(backend, tmp_path, play)


def lives_of(factory: ContainerFactory) -> list[Container]:
    """The containers in its books."""
    assert isinstance(factory, DockerFactory)
    return list(factory._containers.values())
