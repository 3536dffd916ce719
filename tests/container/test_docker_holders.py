"""Network namespaces made ahead on a Docker engine."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from owactors.container.docker import holders as holders_module
from owactors.container.docker.container import DockerContainer
from owactors.container.docker.factory import LABEL, DockerFactory
from owactors.container.docker.holders import READY, Holders, judged
from owactors.container.docker.settings import DockerSettings
from owactors.container.docker.turns import Turns
from owactors.container.port import ContainerFactory
from tests.container.backends import ECHO, PATIENCE, Backend, body_of, docker, run_body, scenario, started
from tests.container.fake_engine import FakeEngine, refusal
from tests.container.lives import SEED, TIMES, Lives
from tests.container.reality import reality_of


@pytest.fixture
def backend(engine: str) -> Backend:
    """With holders, whatever a trial would say."""
    return docker(engine, holders="on")


async def filled(factory: ContainerFactory) -> DockerFactory:
    """Wait until holders are ready."""
    assert isinstance(factory, DockerFactory)
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while len(factory._holders._free) < READY:
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.05)
    return factory


async def there(factory: DockerFactory) -> set[str]:
    """What the engine has of this node."""
    return {id for id, _ in await factory._engine.labelled(f"{LABEL}={factory.settings.node}")}


@pytest.mark.services
@pytest.mark.timeout(300)
def test_actions_in_holders(backend: Backend, folder: Path) -> None:
    """Each has an address of its own; it is called, paused and resumed; its holder is used again, and not swept."""

    async def play(factory: ContainerFactory) -> None:
        node = await filled(factory)
        made = [await started(factory, backend, ECHO) for _ in range(2)]
        assert all(isinstance(one, DockerContainer) and one.holder is not None for one in made)
        assert made[0].address != made[1].address
        for one in made:
            await one.suspend()
            await one.resume()
            assert json.loads(body_of(await one.run(run_body({"n": 1}), PATIENCE)).body) == {"n": 1}
        assert await node.sweep() == []
        before = made[0].address
        for one in made:
            await one.destroy()
        assert before in {f"{holder.address}:8080" for holder in node._holders._free}
        for _ in range(READY + 1):
            await (await started(factory, backend, ECHO)).destroy()

    scenario(backend, folder, play)


@pytest.mark.services
@pytest.mark.timeout(300)
def test_a_holder_that_dies(backend: Backend, folder: Path) -> None:
    """A start that meets it goes another way, and nobody meets it again."""

    async def play(factory: ContainerFactory) -> None:
        node = await filled(factory)
        doomed = set(node._holders._free)
        for holder in doomed:
            await node._engine.remove(holder.id)
        one = await started(factory, backend, ECHO)
        assert isinstance(one, DockerContainer)
        assert one.holder not in doomed

    scenario(backend, folder, play)


@pytest.mark.services
@pytest.mark.timeout(300)
def test_nothing_is_left(backend: Backend, folder: Path) -> None:
    """Of holders that wait, of those in use, and of trials."""

    async def act() -> None:
        for holders in ("on", "auto"):
            factory = docker(backend.make(folder).settings.host, holders=holders).make(folder)  # type: ignore[attr-defined]
            await factory.start()
            await started(factory, backend, ECHO)
            await factory.close()
            other = backend.make(folder)
            assert isinstance(other, DockerFactory)
            await other._engine.connect()
            assert await there(other) == set()
            other._engine.close()

    asyncio.run(act())


@pytest.mark.services
@pytest.mark.timeout(300)
def test_the_trial_decides(engine: str, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    """And says what it found."""
    backend = docker(engine, holders="auto")

    async def play(factory: ContainerFactory) -> bool:
        assert isinstance(factory, DockerFactory)
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while "network namespaces made ahead are" not in caplog.text:
            assert asyncio.get_running_loop().time() < deadline
            await asyncio.sleep(0.05)
        return factory._holders.on

    with caplog.at_level(logging.INFO):
        on = scenario(backend, folder, play)
    assert f"made ahead are {'on' if on else 'off'}: a start takes" in caplog.text


def test_what_is_worth_it() -> None:
    """A start that is shorter by a third."""
    assert judged(0.25, 0.12)
    assert not judged(0.25, 0.2)


@pytest.mark.services
@pytest.mark.timeout(300)
def test_random_lives_in_holders(backend: Backend, folder: Path) -> None:
    """See test_random.py."""

    async def play(factory: ContainerFactory) -> None:
        await filled(factory)
        await Lives(backend, factory, reality_of(factory, folder), SEED).play(int(80 * TIMES))

    scenario(backend, folder, play)


class KnowingEngine(FakeEngine):
    """It knows the image, too."""

    async def command_of(self, image: str) -> list[str]:
        """Any."""
        return ["python"]


async def until(condition: Callable[[], bool]) -> None:
    """Wait for it."""
    while not condition():
        await asyncio.sleep(0)


async def forget(id: str) -> None:
    """Removed."""


def test_one_that_could_not_be_made_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a while; and closing does not wait for that."""
    refusals = [refusal(500, "cannot start a stopped process")] * 2
    monkeypatch.setattr(holders_module, "PAUSES", (0.01,))

    async def act() -> None:
        engine = KnowingEngine(DockerSettings(), failing={"start": refusals})
        holders = Holders(engine, Turns(1), str, lambda name: {"name": name}, forget)  # type: ignore[arg-type]
        holders.start("on")
        await until(lambda: len(holders._free) == READY)
        assert engine.count("start") == READY + 2
        monkeypatch.setattr(holders_module, "PAUSES", (3600.0,))
        engine.failing["start"] = refusal(500, "no")
        holders.take()
        await until(lambda: engine.count("start") == READY + 3)
        await holders.close()

    asyncio.run(asyncio.wait_for(act(), PATIENCE))


def test_one_that_is_made_while_another_dies() -> None:
    """Is kept like any other, and at the end all are removed, whatever is known of them."""

    class Engine(KnowingEngine):
        async def start(self, id: str) -> None:
            """Started, when it may."""
            self.calls.append("start")
            await may_start.acquire()

    removed: list[str] = []
    may_start = asyncio.Semaphore(0)

    async def remove(id: str) -> None:
        removed.append(id)

    async def act() -> None:
        engine = Engine(DockerSettings())
        holders = Holders(engine, Turns(1), str, lambda name: {"name": name}, remove)  # type: ignore[arg-type]
        holders.start("on")
        may_start.release()
        await until(lambda: len(holders._free) == 1 and engine.count("start") == 2)
        holders.died(holders._free[0].id)
        for _ in range(READY):
            may_start.release()
        await until(lambda: len(holders._free) == READY)
        assert {holder.id for holder in holders._free} == holders._known
        holders._free.pop()
        await holders.close()
        assert len(removed) == len(set(removed)) == READY + 1

    asyncio.run(asyncio.wait_for(act(), PATIENCE))
