"""What an engine can answer when it does not do what was asked, and what comes of it: an error that says so, and
nothing left.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from owactors.container.docker.engine import Running
from owactors.container.docker.errors import EngineError
from owactors.container.docker.factory import LABEL, DockerFactory
from owactors.container.docker.settings import DockerSettings
from owactors.container.port import ContainerError, ContainerFactory, ContainerSpec, WhiskContainerStartupError
from tests.container.backends import Backend, docker, scenario
from tests.container.fake_engine import FakeEngine, factory_on, refusal
from tests.container.slow_engine import swallowing
from tests.container.test_docker_scenarios import MANAGED, _engine_saying


@pytest.fixture
def fake() -> Iterator[FakeEngine]:
    """An engine whose containers listen where something does."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield FakeEngine(DockerSettings(port=server.getsockname()[1], start_timeout=5))


@pytest.fixture
def backend(engine: str) -> Backend:
    """The real one."""
    return docker(engine)


@pytest.mark.parametrize(
    ("call", "answer", "words"),
    [
        ("create", refusal(409, 'The container name "/x" is already in use'), "already in use"),
        ("create", refusal(500, "no space left on device"), "no space left"),
        ("create", refusal(400, "Minimum memory limit allowed is 6MB"), "6MB"),
        ("create", refusal(0, "the engine does not answer: Read timed out."), "timed out"),
        ("start", refusal(404, "network nonesuch not found"), "nonesuch"),
        ("start", refusal(500, "no available IPv4 addresses on this network's address pools"), "no available"),
        ("start", refusal(500, "Bind for 0.0.0.0:8080 failed: port is already allocated"), "already allocated"),
        ("start", refusal(500, "write /etc/hosts: no space left on device"), "no space left"),
        ("start", refusal(400, 'exec: "nope": executable file not found in $PATH'), "executable file not found"),
        ("start", refusal(0, "the engine does not answer: Read timed out."), "timed out"),
        ("inspect", refusal(404, "No such container"), "No such container"),
    ],
)
def test_a_start_that_is_refused(
    monkeypatch: pytest.MonkeyPatch, fake: FakeEngine, call: str, answer: EngineError, words: str
) -> None:
    """The engine's words are in the error, what it may have made all the same is removed, and the next start works."""
    fake.failing[call] = [answer]

    async def act() -> None:
        factory = factory_on(monkeypatch, fake)
        await factory.start()
        with pytest.raises(WhiskContainerStartupError, match=words):
            await factory.create(MANAGED)
        assert fake.count("remove") == 1
        assert not factory._containers
        await (await factory.create(MANAGED)).destroy()
        assert not factory._containers

    asyncio.run(act())


def test_a_name_is_never_used_twice(monkeypatch: pytest.MonkeyPatch, fake: FakeEngine) -> None:
    """Neither by this life of the node nor by another one, so a removal by name hits nobody else."""
    names: list[str] = []
    create = FakeEngine.create

    async def noted(self: FakeEngine, name: str, spec: ContainerSpec, labels: dict[str, str], **_: Any) -> str:
        names.append(name)
        return await create(self, name, spec, labels)

    monkeypatch.setattr(FakeEngine, "create", noted)

    async def act() -> None:
        for _ in range(2):
            factory = factory_on(monkeypatch, fake)
            await factory.start()
            for _ in range(2):
                await factory.create(MANAGED)

    asyncio.run(act())
    assert len(set(names)) == 4


def said(status: int, words: str) -> Any:
    """What the client library raises for such an answer."""
    from docker.errors import APIError
    from requests import Response

    response = Response()
    response.status_code = status
    return APIError(words, response, words)


def saying(*answers: Any) -> Any:
    """A call of the library that is answered so, one after the other; the last one stays."""
    left = list(answers)

    def call(*_: Any, **__: Any) -> Any:
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    return call


def test_pausing_what_is_paused() -> None:
    """Is success."""
    asyncio.run(_engine_saying(pause=saying(said(409, "Container x is already paused"))).pause("x"))


@pytest.mark.parametrize("refusal", [(409, "Container x is already paused"), (500, "OCI runtime: unable to freeze")])
def test_pausing_what_the_engine_takes_for_paused_or_cannot_freeze_for_a_moment(refusal: tuple[int, str]) -> None:
    """It is paused in the end."""
    done: list[str] = []
    answers = saying(said(*refusal), said(*refusal), None)

    def pause(id: str) -> None:
        answers()
        done.append(id)

    asyncio.run(_engine_saying(pause=pause).pause("x"))
    assert done == ["x"]


def test_pausing_what_cannot_be_frozen() -> None:
    """Is an error when it stays so."""
    with pytest.raises(EngineError, match="unable to freeze"):
        asyncio.run(_engine_saying(pause=saying(said(500, "OCI runtime: unable to freeze"))).pause("x"))


def test_pausing_what_does_not_run() -> None:
    """Is not: nobody would thaw it and find it alive."""
    for words in ("Container x is not running", "cannot pause container x: OCI runtime: container not running"):
        with pytest.raises(EngineError):
            asyncio.run(_engine_saying(pause=saying(said(409, words))).pause("x"))


def test_unpausing_what_the_engine_takes_for_running() -> None:
    """It notices in a moment; if it does not, that is an error."""
    refusal = said(500, "Container x is not paused")
    asyncio.run(_engine_saying(unpause=saying(refusal, refusal, None)).unpause("x"))
    with pytest.raises(EngineError, match="not paused"):
        asyncio.run(_engine_saying(unpause=saying(refusal)).unpause("x"))


@pytest.mark.parametrize("status", [404, 409])
def test_removing_what_is_gone_or_going(status: int) -> None:
    """Is success; whether it is really gone is asked afterwards."""
    asyncio.run(_engine_saying(remove_container=saying(said(status, "removal already in progress"))).remove("x"))


@pytest.mark.parametrize("status", [404, 409])
def test_killing_what_does_not_run(status: int) -> None:
    """Is success."""
    asyncio.run(_engine_saying(kill=saying(said(status, "container x is not running"))).kill("x"))


@pytest.mark.services
def test_two_removals_at_once(backend: Backend, folder: Path) -> None:
    """By two who do not know of each other."""

    async def play(factory: ContainerFactory) -> None:
        assert isinstance(factory, DockerFactory)
        container = await factory.create(backend.spec())
        removals = [factory._engine.remove(container.id) for _ in range(3)]
        await asyncio.gather(container.destroy(), *removals)
        assert not await factory._engine.exists(container.id)

    scenario(backend, folder, play)


@pytest.mark.services
def test_a_network_that_is_not_there(engine: str, folder: Path) -> None:
    """The engine's own words name it, and the container that was created is removed."""
    backend = docker(engine, network="nonesuch")

    async def play(factory: ContainerFactory) -> None:
        assert isinstance(factory, DockerFactory)
        with pytest.raises(WhiskContainerStartupError, match="nonesuch"):
            await factory.create(backend.spec())
        assert await factory._engine.labelled(f"{LABEL}={factory.settings.node}") == []

    scenario(backend, folder, play)


@pytest.mark.services
@pytest.mark.parametrize("asked", ["POST /v[0-9.]+/containers/create", "POST /v[0-9.]+/containers/[0-9a-f]+/start"])
def test_an_engine_that_answers_too_late(engine: str, folder: Path, asked: str) -> None:
    """The call has happened all the same: what it made is found by its name and removed."""

    async def act() -> None:
        async with swallowing(engine, folder, asked) as host:
            factory = DockerFactory(DockerSettings(host, node=f"late-{folder.name}", call_timeout=6))
            await factory.start()
            try:
                with pytest.raises(WhiskContainerStartupError, match="does not answer"):
                    await factory.create(Backend("docker", lambda _: factory).spec())
                assert await factory._engine.labelled(f"{LABEL}={factory.settings.node}") == []
            finally:
                await factory.close()

    asyncio.run(act())


def test_a_container_that_died_unseen_cannot_be_paused(monkeypatch: pytest.MonkeyPatch, fake: FakeEngine) -> None:
    """By the engine, where its freezer is not ours to write."""
    fake.failing["pause"] = refusal(409, "Container x is not running")

    async def act() -> None:
        factory = factory_on(monkeypatch, fake)
        await factory.start()
        container = await factory.create(MANAGED)
        with pytest.raises(ContainerError, match="not running"):
            await container.suspend()
        fake.state = Running(False, "", 0, 137, False)
        await container.destroy()

    asyncio.run(act())
