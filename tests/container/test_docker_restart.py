"""The engine is killed or stopped, and started again under containers. It is an engine of this test's own."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from owactors.container.docker.container import DockerContainer
from owactors.container.docker.factory import DockerFactory
from owactors.container.port import Container, ContainerError, ContainerFactory, WhiskContainerStartupError
from owactors.core.reply import ConnectionFailed, NoResponseReceived
from tests.container.backends import ECHO, HELLO, PATIENCE, Backend, body_of, docker, run_body, scenario, started, texts
from tests.container.engines import OwnEngine
from tests.container.lives import SEED, TIMES, Lives
from tests.container.reality import reality_of


@pytest.fixture(params=[False, True], ids=["", "live-restore"])
def own_engine(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[OwnEngine]:
    """One with our Python image."""
    engine = OwnEngine(tmp_path / "dk", {"live-restore": request.param})
    with engine.running(["python"]):
        yield engine


@pytest.mark.services
@pytest.mark.timeout(600)
def test_engine_is_killed_and_comes_back(own_engine: OwnEngine, tmp_path: Path) -> None:
    """Warm containers go on answering, nothing new is made meanwhile, and all heals by itself.

    With live-restore they stay and are read again, also one that was frozen; without it the engine ends them when it
    comes back, and whoever calls them is told.
    """
    backend = docker(own_engine.host)

    async def play(factory: ContainerFactory) -> None:
        container, frozen, paused = [await started(factory, backend, HELLO) for _ in range(3)]
        assert isinstance(paused, DockerContainer)
        paused._group = None  # so it is paused by the engine
        await frozen.suspend()
        await paused.suspend()
        own_engine.kill()
        reply = body_of(await container.run(run_body(), PATIENCE))
        assert reply.body == b'{"ok": true}'
        assert (await container.logs(10_000, True)).state != "complete"
        with pytest.raises(WhiskContainerStartupError):
            await factory.create(backend.spec())
        await own_engine.start_again()
        await well_again(factory, backend, own_engine, container, frozen, paused)

    scenario(backend, tmp_path, play)


@pytest.mark.services
@pytest.mark.timeout(600)
def test_engine_is_stopped_and_comes_back(own_engine: OwnEngine, tmp_path: Path) -> None:
    """It takes its containers along, unless it is to let them live; the node says what is wrong and heals by itself."""
    backend = docker(own_engine.host)

    async def play(factory: ContainerFactory) -> None:
        container, frozen, paused, unwanted = [await started(factory, backend, HELLO) for _ in range(4)]
        assert isinstance(paused, DockerContainer)
        paused._group = None  # so it is paused by the engine
        await frozen.suspend()
        await paused.suspend()
        await own_engine.stop_cleanly()
        if outlives(own_engine):
            assert body_of(await container.run(run_body(), PATIENCE)).body == b'{"ok": true}'
            assert (await container.logs(10_000, True)).state != "complete"
        else:
            await ended(container)
        with pytest.raises(WhiskContainerStartupError, match=r"engine at .* does not answer"):
            await factory.create(backend.spec())
        removal = asyncio.ensure_future(unwanted.destroy())
        await own_engine.start_again()
        await removal
        assert not await unwanted.ping()
        await well_again(factory, backend, own_engine, container, frozen, paused)

    scenario(backend, tmp_path, play)


async def well_again(
    factory: ContainerFactory, backend: Backend, engine: OwnEngine, container: Container, *asleep: Container
) -> None:
    """A new container works; those from before live on or have ended, and go."""
    fresh = await started(factory, backend, ECHO)
    assert body_of(await fresh.run(run_body({"n": 2}), PATIENCE)).body == b'{"n": 2}'
    assert (await fresh.logs(10_000, True)).state == "complete"
    await (outlived if outlives(engine) else ended)(container, *asleep)
    for one in (container, *asleep):
        await one.destroy()
    assert not await container.ping()


def outlives(engine: OwnEngine) -> bool:
    """Its containers outlive it."""
    return bool(engine.config["live-restore"])


async def outlived(container: Container, *asleep: Container) -> None:
    """They are what they were, and their logs are whole again."""
    await settled(container, *asleep)
    for one in asleep:
        await one.resume()
    for one in (container, *asleep):
        assert body_of(await one.run(run_body({"name": "Ada"}), PATIENCE)).body == b'{"ok": true}'
        assert texts((await one.logs(10_000, True)).lines) == ["stdout: hello Ada"]


async def ended(container: Container, *asleep: Container) -> None:
    """Nobody answers."""
    for one in asleep:
        with contextlib.suppress(ContainerError):
            await one.resume()
    for one in (container, *asleep):
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
    """Books and engine agree again after each, also where something keeps the networks of dead containers."""
    backend = docker(own_engine.host)
    kept: list[int] = []

    async def play(factory: ContainerFactory) -> None:
        async def restart() -> bool:
            kept.extend(await networks_of(factory))
            own_engine.kill()
            await own_engine.start_again()
            if outlives(own_engine):
                await settled(*lives_of(factory))
            return not outlives(own_engine)

        lives = Lives(backend, factory, reality_of(factory, tmp_path), SEED, restart, peace=3)
        try:
            await lives.play(int((100 if outlives(own_engine) else 40) * TIMES))
        finally:
            for descriptor in kept:
                os.close(descriptor)
            print(f"seed {SEED}:", dict(lives.done))
        assert lives.done["calamity"] > 0

    scenario(backend, tmp_path, play)


async def networks_of(factory: ContainerFactory) -> list[int]:
    """Descriptors that keep the network namespaces of its containers alive."""
    assert isinstance(factory, DockerFactory)
    states = [await factory._engine.inspect(id) for id in list(factory._containers)]
    return [os.open(f"/proc/{state.pid}/ns/net", os.O_RDONLY) for state in states if state.running]


def lives_of(factory: ContainerFactory) -> list[Container]:
    """The containers in its books."""
    assert isinstance(factory, DockerFactory)
    return list(factory._containers.values())
