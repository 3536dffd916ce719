"""The Docker engine for tests: one that is given, one that runs already in this checkout, or one started for
them.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field

from owactors.container.docker.build import load_images
from owactors.container.docker.factory import DockerFactory
from owactors.container.docker.settings import DockerSettings
from owactors.container.port import ContainerSpec, WhiskContainerStartupError
from owactors.container.sandbox.processes import start_time

CHECKOUT = Path(__file__).resolve().parents[2]
SERVICES = str(CHECKOUT / "scripts" / "services")
SCRIPT = str(CHECKOUT / "scripts" / "services.d" / "docker")


@define
class OwnEngine:
    """An engine of one test, which may be killed; everything of it is in `folder`.

    `config`: its daemon.json; `etc`: a folder with files that it sees in /etc.
    """

    folder: Path
    config: dict[str, Any] = field(factory=dict)
    etc: Path | None = None

    @property
    def host(self) -> str:
        """Its address."""
        return f"unix://{self.folder}/docker.sock"

    @contextlib.contextmanager
    def running(self, images: list[str]) -> Iterator[None]:
        """With these images of ours; skips where there is no engine. Nothing is left of it."""
        begun = self.command("start")
        if begun.returncode != 0:
            unavailable("docker", begun.stderr.strip().splitlines())
        try:
            asyncio.run(load_images(self.host, images))
            yield
        finally:
            assert self.command("stop").returncode == 0
            assert not self.folder.exists()

    def command(self, word: str) -> subprocess.CompletedProcess[str]:
        """Start or stop it."""
        given = {**os.environ, "OWACTORS_DOCKER_CONFIG": json.dumps(self.config)}
        if self.etc is not None:
            given["OWACTORS_DOCKER_ETC"] = str(self.etc)
        command = [SCRIPT, word, str(self.folder)]
        return subprocess.run(command, capture_output=True, text=True, timeout=300, env=given)

    def kill(self) -> None:
        """With no time to prepare for it."""
        os.kill(int((self.folder / "dockerd.pid").read_text()), signal.SIGKILL)

    async def stop_cleanly(self) -> None:
        """As an operator does: it ends its containers, unless they are to live on, and removes its socket."""
        pid = int((self.folder / "dockerd.pid").read_text())
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + 120
        while start_time(pid) is not None:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.1)

    async def start_again(self) -> None:
        """After `kill` or `stop_cleanly`."""
        begun = await asyncio.to_thread(self.command, "start")
        assert begun.returncode == 0, begun.stderr


def docker_host() -> Iterator[str]:
    """The address of an engine; skips without one, and fails instead where CI is set."""
    given = os.environ.get("OWACTORS_TEST_DOCKER") or os.environ.get("DOCKER_HOST")
    if given:
        yield given
        return
    running = _services("status")
    if running.returncode == 0:
        yield running.stdout.strip()
        return
    started = _services("start")
    if started.returncode != 0:
        unavailable("docker", started.stderr.strip().splitlines())
    try:
        yield started.stdout.strip().splitlines()[-1]
    finally:
        _services("stop")


PODMAN = {"ulimits": ("nproc=1024:1024",)}
"""Podman's own default is more than root may set in some containers."""


async def starts(host: str) -> str:
    """Why the engine cannot start our containers on this machine; empty if it can."""
    factory = DockerFactory(DockerSettings(host, node="trial", **PODMAN))
    try:
        await factory.start()
        await (await factory.create(ContainerSpec("trial", "python:3", image="owactors/action-python:3"))).destroy()
    except WhiskContainerStartupError as error:
        return str(error)
    finally:
        await factory.close()
    return ""


def unavailable(service: str, reason: list[str]) -> None:
    """Skip with one clear line, or fail in CI, where every service has to be there."""
    text = f"no {service} here: {reason[-1] if reason else 'scripts/services could not start it'}"
    if os.environ.get("CI"):
        pytest.fail(text)
    pytest.skip(text)


def _services(command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([SERVICES, command, "docker"], capture_output=True, text=True, timeout=600)
