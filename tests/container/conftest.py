"""Fixtures for tests of containers: the back ends, the Docker engine among them where there is one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from owactors.container.docker.build import load_images
from tests.container.backends import MEMORY, SANDBOXES, Backend, docker
from tests.container.engines import docker_host

NO_SANDBOX = "docker"


@pytest.fixture(scope="session")
def engine() -> Iterator[str]:
    """The address of a Docker engine that has our images."""
    for host in docker_host():
        asyncio.run(load_images(host, ["python", "native"]))
        yield host


def _chosen(request: pytest.FixtureRequest) -> Backend:
    if request.param is NO_SANDBOX:
        return docker(request.getfixturevalue("engine"))
    return request.param


DOCKER = pytest.param(NO_SANDBOX, id="docker", marks=[pytest.mark.services, pytest.mark.timeout(600)])


@pytest.fixture(params=[*(pytest.param(b, id=b.name) for b in (MEMORY, *SANDBOXES)), DOCKER])
def backend(request: pytest.FixtureRequest) -> Backend:
    """Every back end in turn."""
    return _chosen(request)


@pytest.fixture(params=[*(pytest.param(b, id=b.name) for b in SANDBOXES), DOCKER])
def real_backend(request: pytest.FixtureRequest) -> Backend:
    """Every back end whose containers are processes."""
    return _chosen(request)


@pytest.fixture(params=SANDBOXES, ids=lambda backend: backend.name)
def sandbox_backend(request: pytest.FixtureRequest) -> Backend:
    """Every way to make a sandbox in turn."""
    return request.param


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The data folder of a node."""
    return tmp_path
