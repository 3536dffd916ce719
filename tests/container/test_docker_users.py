"""An engine that maps users: root in a container is nobody outside. It is an engine of these tests' own, which has its
own users and ranges of user ids, so that nothing in the machine's /etc is touched.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from owactors.cli.protections import protections
from owactors.container.docker.container import DockerContainer
from owactors.container.port import ContainerFactory
from owactors.node.settings import load
from tests.container.backends import PATIENCE, Backend, body_of, docker, run_body, scenario, started
from tests.container.engines import OwnEngine
from tests.container.test_contract import (  # noqa: F401
    test_closed_factory,
    test_dead_container_is_noticed,
    test_environment,
    test_failed_init_has_an_answer_and_logs,
    test_init_and_run,
    test_logs_do_not_mix,
    test_many_at_once,
    test_pause_and_resume,
    test_timeout,
)
from tests.container.test_hostile import test_out_of_memory  # noqa: F401
from tests.container.test_hostile_disk import test_files_without_a_name, test_many_files  # noqa: F401

pytestmark = [pytest.mark.services, pytest.mark.timeout(300)]
FIRST, MANY = 700_000, 65_536
"""User ids that no file and no process of the machine has."""


@pytest.fixture(scope="module")
def mapping() -> Iterator[OwnEngine]:
    """One that gives root in each container the id FIRST."""
    # Whoever is mapped must be able to enter every folder above his.
    folder = Path(tempfile.mkdtemp(prefix="owactors-users-"))
    folder.chmod(0o711)
    etc = folder / "etc"
    etc.mkdir()
    for name, line in (("passwd", f"mapped:x:{FIRST}:{FIRST}::/:/bin/false"), ("group", f"mapped:x:{FIRST}:")):
        (etc / name).write_text(f"{Path('/etc', name).read_text()}{line}\n")
    for name in ("subuid", "subgid"):
        (etc / name).write_text(f"mapped:{FIRST}:{MANY}\n")
    engine = OwnEngine(folder / "dk", {"userns-remap": "mapped"}, etc)
    try:
        with engine.running(["python", "native"]):
            yield engine
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def backend(mapping: OwnEngine) -> Backend:
    """For tests of all back ends."""
    return docker(mapping.host)


@pytest.fixture
def real_backend(backend: Backend) -> Backend:
    """For those of back ends with processes."""
    return backend


@pytest.fixture
def shielded_backend(backend: Backend) -> Backend:
    """And for those of back ends that hold a function by all there is."""
    return backend


def test_root_inside_is_nobody_outside(mapping: OwnEngine, folder: Path) -> None:
    """Its processes and files have ids of the range, and it is said that the engine does so."""
    backend = docker(mapping.host, user="0:0")
    code = "import os\ndef main(args):\n    open('mine', 'w').close()\n    return {'user': os.getuid()}\n"

    async def play(factory: ContainerFactory) -> None:
        container = await started(factory, backend, code)
        assert json.loads(body_of(await container.run(run_body(), PATIENCE)).body) == {"user": 0}
        assert isinstance(container, DockerContainer)
        pid = (await container._engine.inspect(container.id)).pid
        assert os.stat(f"/proc/{pid}").st_uid == FIRST
        assert Path(container._disk[0]).joinpath("action", "mine").stat().st_uid == FIRST

    scenario(backend, folder, play)


def test_the_doctor_says_so(mapping: OwnEngine, tmp_path: Path) -> None:
    """Whether users are mapped is a line of its table."""
    chosen = {"containers.backend": "docker", "docker.host": mapping.host}
    settings = load(None, chosen, {"XDG_CONFIG_HOME": str(tmp_path)})
    said = {p.name: p for p in protections(settings)}["user"]
    assert said.on
    assert said.detail.endswith("in a user namespace of the engine")
