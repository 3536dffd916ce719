"""Functions that fill their disk: each is ended and named. How much they write at most is bounded by the test."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from owactors.container.port import Container, ContainerFactory
from owactors.core.reply import NoResponseReceived
from tests.container.backends import DISK, ECHO, PATIENCE, Backend, body_of, docker, run_body, scenario, started, texts

MB = 2**20
MANY = """
import os, tempfile, time
def main(args):
    print('filling')
    place = {'here': '.', 'temporary': tempfile.gettempdir()}.get(args['place'], args['place'])
    for n in range(args['files']):
        with open(os.path.join(place, str(n)), 'wb') as file:
            file.write(b'x' * 2**20)
    time.sleep(600)
"""
DELETED = """
import mmap, os, time
def main(args):
    kept = []
    for n in range(args['files']):
        with open('filler', 'w+b') as file:
            file.write(b'x' * 2**20)
            file.flush()
            kept.append(mmap.mmap(file.fileno(), 0) if args['mapped'] else os.dup(file.fileno()))
        os.remove('filler')
    time.sleep(600)
"""


async def is_ended(container: Container, **args: object) -> list[str]:
    """A run that writes twice what it may, as files of a megabyte; its log."""
    result = await container.run(run_body({"files": 2 * DISK // MB, **args}), PATIENCE)
    assert isinstance(result.outcome, NoResponseReceived), result
    lines = texts((await container.logs(10_000, False)).lines)
    [told] = [line for line in lines if "wrote" in line]
    assert told.startswith("stderr: The action was aborted because it wrote ")
    assert told.endswith(f" to its disk of {DISK // MB} MB.")
    return lines


def test_one_large_file(real_backend: Backend, folder: Path) -> None:
    """The write fails inside, at once."""
    code = """
def main(args):
    try:
        with open('large', 'wb') as file:
            for _ in range(args['mb']):
                file.write(b'x' * 2**20)
    except OSError as error:
        return {'error': error.strerror}
    return {}
"""

    async def play(factory: ContainerFactory) -> None:
        container = await started(factory, real_backend, code)
        answer = json.loads(body_of(await container.run(run_body({"mb": 2 * DISK // MB}), PATIENCE)).body)
        assert answer == {"error": "File too large"}

    scenario(real_backend, folder, play)


@pytest.mark.parametrize("place", ["here", "temporary"])
def test_many_files(real_backend: Backend, folder: Path, place: str) -> None:
    """Together more than its share: it is ended, and its log says so; the next function has a disk of its own."""

    async def play(factory: ContainerFactory) -> None:
        lines = await is_ended(await started(factory, real_backend, MANY), place=place)
        assert lines[0] == "stdout: filling"
        fresh = await started(factory, real_backend, ECHO)
        assert body_of(await fresh.run(run_body({"n": 1}), PATIENCE)).body == b'{"n": 1}'

    scenario(real_backend, folder, play)


@pytest.mark.parametrize("mapped", [False, True], ids=["open", "mapped"])
def test_files_without_a_name(shielded_backend: Backend, folder: Path, mapped: bool) -> None:
    """What was deleted and is still open, or still in memory, is on the disk all the same."""

    async def play(factory: ContainerFactory) -> None:
        await is_ended(await started(factory, shielded_backend, DELETED), mapped=mapped)

    scenario(shielded_backend, folder, play)


def test_a_little_in_each_call(shielded_backend: Backend, folder: Path) -> None:
    """Also who writes in short calls, so that nothing runs when one looks, is ended."""
    code = """
import os
def main(args):
    for n in range(args['files']):
        with open(f"{args['call']}-{n}", 'wb') as file:
            file.write(b'x' * 2**20)
    return {}
"""

    async def play(factory: ContainerFactory) -> None:
        container = await started(factory, shielded_backend, code)
        for call in range(2):
            files = DISK // MB * 2 // 3
            assert body_of(await container.run(run_body({"call": call, "files": files}), PATIENCE)).status == 200
        while await container.ping():
            await asyncio.sleep(0.05)

    scenario(shielded_backend, folder, play)


@pytest.mark.services
def test_a_volume(engine: str, folder: Path) -> None:
    """Images may ask for volumes, which are no part of the container's layer."""
    backend = docker(engine, user="0:0", extra_args=('Mounts=[{"Type": "volume", "Target": "/data"}]',))

    async def play(factory: ContainerFactory) -> None:
        await is_ended(await started(factory, backend, MANY), place="/data")

    scenario(backend, folder, play)


@pytest.mark.services
def test_a_file_that_the_engine_mounts(engine: str, folder: Path) -> None:
    """`/etc/hosts` and the like lie beside the container's layer."""
    backend = docker(engine, user="0:0")
    code = """
import time
def main(args):
    for path in ('/etc/hosts', '/etc/hostname', '/etc/resolv.conf'):
        with open(path, 'ab') as file:
            file.write(b'#' * args['files'] * 3 * 2**17)
    time.sleep(600)
"""

    async def play(factory: ContainerFactory) -> None:
        await is_ended(await started(factory, backend, code))

    scenario(backend, folder, play)


@pytest.mark.services
def test_where_the_engines_disk_cannot_be_read(engine: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine adds up."""
    backend = docker(engine)
    monkeypatch.setattr("owactors.container.docker.engine.written_paths", lambda found: ("/nonesuch",))

    async def play(factory: ContainerFactory) -> None:
        await is_ended(await started(factory, backend, MANY), place="here")

    scenario(backend, folder, play)
