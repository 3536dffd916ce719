"""What the Docker back end promises beside the contract. Needs an engine."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from owactors.container.docker.container import DockerContainer
from owactors.container.docker.engine import Engine, split_tag
from owactors.container.docker.factory import LABEL, DockerFactory
from owactors.container.docker.images import ImageCannotBeBuilt, build
from owactors.container.docker.settings import DockerSettings
from owactors.container.port import (
    BlackboxStartupError,
    ContainerError,
    ContainerFactory,
    ContainerSpec,
    WhiskContainerStartupError,
)
from owactors.core.reply import MemoryExhausted, NoResponseReceived
from tests.container.backends import (
    ECHO,
    PATIENCE,
    Backend,
    body_of,
    docker,
    init_body,
    run_body,
    scenario,
    started,
    texts,
)


@pytest.fixture
def backend(engine: str) -> Backend:
    """Only this one."""
    return docker(engine)


async def ids_of(factory: DockerFactory) -> set[str]:
    """What the engine has of this node."""
    engine = Engine(factory.settings)
    await engine.connect()
    try:
        return {id for id, _ in await engine.labelled(f"{LABEL}={factory.settings.node}")}
    finally:
        engine.close()


def inspected(engine: str, id: str) -> dict[str, Any]:
    """What the engine says about a container."""
    import docker as library

    return library.APIClient(base_url=engine).inspect_container(id)


@pytest.mark.scenario("DK-01")
@pytest.mark.services
def test_limits_and_labels(backend: Backend, engine: str, folder: Path) -> None:
    """Memory without swap, processes, shares, no capability, labels by which a sweep finds it."""

    async def play(factory: ContainerFactory) -> None:
        spec = backend.spec(memory=128 * 2**20, cpu_shares=512, cpu_limit=0.5, labels={"action": "guest/hello"})
        container = await factory.create(spec)
        seen = inspected(engine, container.id)
        limits = seen["HostConfig"]
        assert limits["Memory"] == limits["MemorySwap"] == 128 * 2**20
        assert (limits["CpuShares"], limits["NanoCpus"], limits["PidsLimit"]) == (512, 500_000_000, 1024)
        assert limits["CapDrop"] == ["ALL"]
        assert limits["SecurityOpt"] == ["no-new-privileges"]
        assert limits["LogConfig"]["Type"] == "none"
        assert seen["Config"]["Labels"]["action"] == "guest/hello"
        assert isinstance(factory, DockerFactory)
        assert seen["Config"]["Labels"][LABEL] == factory.settings.node
        assert seen["Name"].startswith("/wsk0_1_test_")

    scenario(backend, folder, play)


@pytest.mark.services
def test_close_leaves_nothing(backend: Backend, folder: Path) -> None:
    """Paused and busy containers included."""

    async def act() -> None:
        factory = backend.make(folder)
        assert isinstance(factory, DockerFactory)
        await factory.start()
        await started(factory, backend, ECHO)
        paused = await started(factory, backend, ECHO)
        await paused.suspend()
        assert len(await ids_of(factory)) == 2
        await factory.close()
        assert await ids_of(factory) == set()

    asyncio.run(act())


OWNER = """
import asyncio, sys
from pathlib import Path
from tests.container.backends import *
backend = docker(sys.argv[1])
async def act():
    factory = backend.make(Path(sys.argv[2]))
    await factory.start()
    first = await factory.create(backend.spec())
    second = await factory.create(backend.spec())
    await second.suspend()
    print(first.id, second.id, flush=True)
    await asyncio.sleep(600)
asyncio.run(act())
"""


@pytest.mark.services
def test_sweep_after_kill_of_the_node(backend: Backend, engine: str, folder: Path) -> None:
    """kill -9 of the node: the next one removes its containers, and not those of a living one."""
    checkout = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", OWNER, engine, str(folder)]

    async def sweep() -> set[str]:
        factory = backend.make(folder)
        report = await factory.start()
        await factory.close()
        return set(report.swept)

    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=checkout) as owner:
        assert owner.stdout is not None
        ids = set(owner.stdout.readline().split())
        assert len(ids) == 2
        assert asyncio.run(sweep()) == set()
        owner.send_signal(signal.SIGKILL)
        owner.wait()
        assert asyncio.run(sweep()) == ids


@pytest.mark.services
def test_cancelled_create_leaves_nothing(backend: Backend, folder: Path) -> None:
    """The engine cannot be told to forget a call, so what it made is removed."""

    async def play(factory: ContainerFactory) -> None:
        assert isinstance(factory, DockerFactory)
        for delay in (0.0, 0.05, 0.2):
            task = asyncio.ensure_future(factory.create(backend.spec()))
            await asyncio.sleep(delay)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        while factory._making:
            await asyncio.gather(*factory._making, return_exceptions=True)
            await asyncio.sleep(0)
        assert await ids_of(factory) == set()

    scenario(backend, folder, play)


@pytest.mark.services
def test_missing_image(backend: Backend, folder: Path) -> None:
    """A managed image is never pulled; the message says what to do."""

    async def play(factory: ContainerFactory) -> None:
        with pytest.raises(WhiskContainerStartupError, match=r"not on the engine.*scripts/images"):
            await factory.create(backend.spec(image="owactors/no-such-image:1"))

    scenario(backend, folder, play)


@pytest.mark.scenario("DK-08")
@pytest.mark.services
def test_user_image_that_cannot_be_pulled(backend: Backend, folder: Path) -> None:
    """Without a tag the pull has to succeed, and nothing is made."""

    async def play(factory: ContainerFactory) -> None:
        spec = backend.spec(image="127.0.0.1:1/nobody/nothing", user_provided_image=True)
        with pytest.raises(BlackboxStartupError, match="Failed to pull container image"):
            await factory.create(spec)
        assert isinstance(factory, DockerFactory)
        assert await ids_of(factory) == set()

    scenario(backend, folder, play)


@pytest.mark.scenario("DK-09")
@pytest.mark.services
def test_user_image_with_a_tag(backend: Backend, folder: Path) -> None:
    """A failed pull does not matter if it is there; if not, the pull was the reason."""

    async def play(factory: ContainerFactory) -> None:
        container = await factory.create(backend.spec(user_provided_image=True))
        assert await container.ping()
        with pytest.raises(BlackboxStartupError, match="Failed to pull"):
            await factory.create(backend.spec(image="127.0.0.1:1/nothing:7", user_provided_image=True))

    scenario(backend, folder, play)


@pytest.mark.scenario("DK-06")
@pytest.mark.services
def test_image_that_ends_at_once(engine: str, folder: Path) -> None:
    """The message has the exit code and the last words, and the container is gone."""
    backend = docker(engine, network="none")

    async def play(factory: ContainerFactory) -> None:
        with pytest.raises(WhiskContainerStartupError, match="no address in network 'none'"):
            await factory.create(backend.spec())
        assert isinstance(factory, DockerFactory)
        assert await ids_of(factory) == set()

    scenario(backend, folder, play)


@pytest.mark.scenario("DK-10")
@pytest.mark.services
def test_pause_by_the_engine(backend: Backend, folder: Path) -> None:
    """Where the freezer cannot be written the engine pauses; back to back, many times."""

    async def play(factory: ContainerFactory) -> None:
        container = await started(factory, backend, ECHO)
        assert isinstance(container, DockerContainer)
        container._group = None
        for number in range(5):
            await container.suspend()
            await container.resume()
            reply = body_of(await container.run(run_body({"n": number}), PATIENCE))
            assert json.loads(reply.body) == {"n": number}
        await container.suspend()

    scenario(backend, folder, play)


@pytest.mark.services
def test_container_removed_behind_our_back(backend: Backend, engine: str, folder: Path) -> None:
    """A run ends without an answer, later calls fail, destroying is nothing."""

    async def play(factory: ContainerFactory) -> None:
        container = await started(factory, backend, "import time\ndef main(args):\n    time.sleep(600)\n")
        run = asyncio.ensure_future(container.run(run_body(), PATIENCE))
        await asyncio.sleep(0.1)
        import docker as library

        api = library.APIClient(base_url=engine)
        await asyncio.to_thread(api.remove_container, container.id, force=True)
        assert isinstance((await run).outcome, NoResponseReceived)
        with pytest.raises(ContainerError):
            await container.suspend()
            await container.resume()
        await container.destroy()

    scenario(backend, folder, play)


@pytest.mark.scenario("HC-07")
@pytest.mark.services
def test_out_of_memory_by_the_engine(backend: Backend, folder: Path) -> None:
    """Also where the kernel's counter cannot be read."""

    async def play(factory: ContainerFactory) -> None:
        container = await factory.create(backend.spec(memory=64 * 2**20))
        assert isinstance(container, DockerContainer)
        container._group = None
        code = "def main(args):\n    kept = [bytearray(b'x' * 2**20) for _ in range(400)]\n    return {}\n"
        await container.initialize(init_body(code), PATIENCE)
        assert isinstance((await container.run(run_body(), PATIENCE)).outcome, MemoryExhausted)

    scenario(backend, folder, play)


@pytest.mark.services
def test_native_image_has_a_shell(backend: Backend, folder: Path) -> None:
    """Scripts run in it as they do in the sandbox."""

    async def play(factory: ContainerFactory) -> None:
        container = await started(factory, backend, 'echo log\necho "{\\"n\\": 1}"', kind="native:1")
        assert body_of(await container.run(run_body(), PATIENCE)).body == b'{"n": 1}'
        assert texts((await container.logs(1000, True)).lines) == ["stdout: log"]

    scenario(backend, folder, play)


def test_no_engine(tmp_path: Path) -> None:
    """One sentence that says what to do."""
    factory = DockerFactory(DockerSettings(f"unix://{tmp_path}/none.sock"))
    with pytest.raises(WhiskContainerStartupError, match=r"no Docker engine answers at .* --container sandbox"):
        asyncio.run(factory.start())


def test_not_started() -> None:
    """Nothing is made before the start."""
    with pytest.raises(WhiskContainerStartupError):
        asyncio.run(DockerFactory().create(ContainerSpec("x", "python:3")))


@pytest.mark.parametrize(
    ("image", "parts"),
    [("a/b:1", ("a/b", "1")), ("host:5000/a", ("host:5000/a", None)), ("a", ("a", None)), ("h:1/a:2", ("h:1/a", "2"))],
)
def test_tags(image: str, parts: tuple[str, str | None]) -> None:
    """A port is no tag."""
    assert split_tag(image) == parts


def test_images_are_reproducible() -> None:
    """Two builds are the same bytes, so an engine that has the image has nothing to do."""
    assert build("native", ["x:1"]).data == build("native", ["x:1"]).data


def test_unknown_image_family() -> None:
    """The message lists those there are."""
    with pytest.raises(ImageCannotBeBuilt, match="python, nodejs, native"):
        build("cobol", [])
