"""The engine is killed and started again under containers. It is an engine of this test's own."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from owactors.container.docker.build import load_images
from owactors.container.port import ContainerFactory, WhiskContainerStartupError
from tests.container.backends import ECHO, PATIENCE, body_of, docker, run_body, scenario, started
from tests.container.engines import CHECKOUT, unavailable

SCRIPT = str(CHECKOUT / "scripts" / "services.d" / "docker")


def engine_command(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Start or stop the engine in `folder`."""
    return subprocess.run([SCRIPT, command, str(folder)], capture_output=True, text=True, timeout=300)


@pytest.fixture
def own_engine(tmp_path: Path) -> Iterator[Path]:
    """The folder of an engine that may be killed."""
    folder = tmp_path / "dk"
    begun = engine_command("start", folder)
    if begun.returncode != 0:
        unavailable("docker", begun.stderr.strip().splitlines())
    try:
        yield folder
    finally:
        assert engine_command("stop", folder).returncode == 0
        assert not folder.exists()


@pytest.mark.services
@pytest.mark.timeout(600)
def test_engine_is_killed_and_comes_back(own_engine: Path, tmp_path: Path) -> None:
    """Warm containers go on answering, nothing new is made meanwhile, and all heals by itself."""
    host = f"unix://{own_engine}/docker.sock"
    asyncio.run(load_images(host, ["python"]))
    backend = docker(host)

    async def play(factory: ContainerFactory) -> None:
        container = await started(factory, backend, ECHO)
        os.kill(int((own_engine / "dockerd.pid").read_text()), signal.SIGKILL)
        reply = body_of(await container.run(run_body({"n": 1}), PATIENCE))
        assert reply.body == b'{"n": 1}'
        assert (await container.logs(10_000, True)).state == "timed_out"
        with pytest.raises(WhiskContainerStartupError):
            await factory.create(backend.spec())
        begun = await asyncio.to_thread(engine_command, "start", own_engine)
        assert begun.returncode == 0, begun.stderr
        fresh = await started(factory, backend, ECHO)
        assert body_of(await fresh.run(run_body({"n": 2}), PATIENCE)).body == b'{"n": 2}'
        assert (await fresh.logs(10_000, True)).state == "complete"
        await container.destroy()
        assert not await container.ping()

    scenario(backend, tmp_path, play)
