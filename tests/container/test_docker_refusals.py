"""What a real engine refuses, and what comes of it: an error that says so, nothing left, and the next start works."""

from __future__ import annotations

import asyncio
import io
import os
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from owactors.container.docker.factory import LABEL, DockerFactory
from owactors.container.port import BlackboxStartupError, ContainerFactory, WhiskContainerStartupError
from tests.container.backends import ECHO, PATIENCE, body_of, docker, run_body, scenario, started
from tests.container.engines import OwnEngine

pytestmark = [pytest.mark.services, pytest.mark.timeout(300)]
SIZE = 400 << 20


async def left(factory: ContainerFactory) -> int:
    """How many containers the engine has of this node."""
    assert isinstance(factory, DockerFactory)
    return len(await factory._engine.labelled(f"{LABEL}={factory.settings.node}"))


@pytest.fixture
def api(engine: str) -> Iterator[Any]:
    """The engine, to prepare it."""
    import docker as library

    client = library.APIClient(base_url=engine)
    yield client
    client.close()


@pytest.fixture
def empty_image(api: Any) -> Iterator[str]:
    """An image without any file, whose command is therefore not there."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w"):
        pass
    name = "whisk/nothing:1"
    api.import_image_from_data(archive.getvalue(), "whisk/nothing", "1", changes=['CMD ["/nope"]'])
    yield name
    api.remove_image(name)


@pytest.fixture
def narrow(api: Any) -> Iterator[str]:
    """A network with one address."""
    import docker.types

    pool = docker.types.IPAMPool(subnet="10.199.219.0/30", gateway="10.199.219.1")
    options = {"com.docker.network.bridge.enable_ip_masquerade": "false"}
    name = f"owtnarrow{os.getpid()}"
    made = api.create_network(name, ipam=docker.types.IPAMConfig(pool_configs=[pool]), options=options)
    yield name
    api.remove_network(made["Id"])


def test_a_command_that_is_not_there(engine: str, empty_image: str, folder: Path) -> None:
    """Is the developer's error, in the engine's words."""
    backend = docker(engine)

    async def play(factory: ContainerFactory) -> None:
        with pytest.raises(BlackboxStartupError, match="executable file not found"):
            await factory.create(backend.spec(image=empty_image, user_provided_image=True))
        assert await left(factory) == 0

    scenario(backend, folder, play)


def test_no_address_is_free(engine: str, narrow: str, folder: Path) -> None:
    """Until a container goes."""
    backend = docker(engine, network=narrow)

    async def play(factory: ContainerFactory) -> None:
        first = await started(factory, backend, ECHO)
        with pytest.raises(WhiskContainerStartupError, match="no available"):
            await factory.create(backend.spec())
        assert await left(factory) == 1
        await first.destroy()
        second = await started(factory, backend, ECHO)
        assert body_of(await second.run(run_body({"n": 1}), PATIENCE)).body == b'{"n": 1}'

    scenario(backend, folder, play)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[OwnEngine]:
    """An engine of this test's own, whose data is on a disk that may be filled."""
    engine, image = OwnEngine(tmp_path / "dk"), tmp_path / "disk"
    data = engine.folder / "data"
    data.mkdir(parents=True)
    with image.open("wb") as file:
        file.truncate(SIZE)
    try:
        for command in (["mkfs.ext4", "-q", str(image)], ["mount", "-o", "loop", str(image), str(data)]):
            subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no disk of this test's own: {error}")
    try:
        with engine.running(["python"]):
            yield engine
    finally:
        subprocess.run(["umount", "-l", str(data)], capture_output=True)


def test_the_engines_disk_is_full(small: OwnEngine, folder: Path) -> None:
    """Nothing new is made, and why is said; what is there goes on and can be removed; with space all is well again."""
    backend = docker(small.host)
    filler = small.folder / "data" / "filler"

    async def play(factory: ContainerFactory) -> None:
        kept, removed = [await started(factory, backend, ECHO) for _ in range(2)]
        await asyncio.to_thread(fill, filler)
        with pytest.raises(WhiskContainerStartupError, match="no space left"):
            await factory.create(backend.spec())
        await kept.suspend()
        await kept.resume()
        assert body_of(await kept.run(run_body({"n": 1}), PATIENCE)).body == b'{"n": 1}'
        await removed.destroy()
        assert await left(factory) == 1
        filler.unlink()
        fresh = await started(factory, backend, ECHO)
        assert body_of(await fresh.run(run_body({"n": 2}), PATIENCE)).body == b'{"n": 2}'

    scenario(backend, folder, play)


def fill(path: Path) -> None:
    """To the last byte."""
    for size in (1 << 20, 1 << 12, 1):
        try:
            with path.open("ab", buffering=0) as file:
                while file.write(bytes(size)) == size:
                    pass
        except OSError:
            continue
