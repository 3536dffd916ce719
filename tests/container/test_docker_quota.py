"""Disks that the engine's storage driver may limit. On an engine of this test's own, whose data is on a small xfs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from owactors.container.docker.factory import DockerFactory
from owactors.container.port import ContainerFactory
from owactors.core.reply import ContainerReply, NoResponseReceived
from tests.container.backends import DISK, ECHO, PATIENCE, body_of, docker, run_body, scenario, started, texts
from tests.container.engines import OwnEngine

SIZE = 600 << 20
CODE = """
import os, time
def main(args):
    written = 0
    try:
        for n in range(args['files']):
            with open(str(n), 'wb') as file:
                written += file.write(os.urandom(2**20))
                file.flush()
                os.fsync(file.fileno())
    except OSError as error:
        return {'error': error.errno, 'written': written}
    time.sleep(600)
"""


def mounted(image: Path, folder: Path, options: str) -> bool:
    """Whether it could be."""
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-o", f"loop{options}", str(image), str(folder)]
    return subprocess.run(command, capture_output=True).returncode == 0


@pytest.fixture
def on_xfs(tmp_path: Path) -> Iterator[OwnEngine]:
    """Whatever is written, it is not more than SIZE. With quotas where the kernel has them; skips without xfs."""
    make = shutil.which("mkfs.xfs")
    if make is None or os.geteuid() != 0:
        pytest.skip("no xfs here: this needs root and the package xfsprogs")
    engine, image = OwnEngine(tmp_path / "dk"), tmp_path / "disk"
    data = engine.folder / "data"
    with image.open("wb") as file:
        file.truncate(SIZE)
    subprocess.run([make, "-q", str(image)], check=True, capture_output=True)
    if not mounted(image, data, ",pquota") and not mounted(image, data, ""):
        pytest.skip("no xfs here: it cannot be mounted")
    try:
        with engine.running(["python"]):
            yield engine
    finally:
        subprocess.run(["umount", "-l", str(data)], capture_output=True)


@pytest.mark.services
@pytest.mark.timeout(300)
def test_a_disk_on_xfs(on_xfs: OwnEngine, folder: Path) -> None:
    """With quotas the write fails inside and the function goes on; without, it is ended as everywhere. In both the next
    container has a disk of its own, and the try at the start leaves nothing.
    """
    backend = docker(on_xfs.host)

    async def play(factory: ContainerFactory) -> None:
        assert isinstance(factory, DockerFactory)
        assert await factory._engine.labelled("owactors.node") == []
        limited = "storage driver" in {p.name: p for p in factory.protections()}["disk"].detail
        container = await started(factory, backend, CODE)
        outcome = (await container.run(run_body({"files": 2 * DISK >> 20}), PATIENCE)).outcome
        if limited:
            assert isinstance(outcome, ContainerReply)
            answer = json.loads(outcome.body)
            assert (answer["error"], answer["written"] <= DISK) == (28, True)
        else:
            assert isinstance(outcome, NoResponseReceived), outcome
            assert any("wrote" in line for line in texts((await container.logs(1000, False)).lines))
        fresh = await started(factory, backend, ECHO)
        assert body_of(await fresh.run(run_body({"n": 1}), PATIENCE)).body == b'{"n": 1}'

    scenario(backend, folder, play)
