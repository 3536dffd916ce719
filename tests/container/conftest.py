"""Fixtures for tests of containers: the back ends, the Docker engine among them where there is one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from owactors.container.docker.build import load_images
from tests.container.backends import MEMORY, SANDBOXES, Backend, docker
from tests.container.engines import PODMAN as PODMAN_OPTIONS
from tests.container.engines import docker_host, starts
from tests.container.podman import podman_host

NO_SANDBOX = "docker"
PODMAN = "podman"
SHIELDED = ("sandbox-zygote", "sandbox-bubblewrap")


@pytest.fixture(scope="session")
def engine() -> Iterator[str]:
    """The address of a Docker engine that has our images."""
    for host in docker_host():
        asyncio.run(load_images(host, ["python", "native"]))
        yield host


@pytest.fixture(scope="session")
def podman(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Podman engine that has our images."""
    for host in podman_host(tmp_path_factory.mktemp("podman")):
        asyncio.run(load_images(host, ["python", "native"]))
        refused = asyncio.run(starts(host))
        if refused:
            pytest.skip(f"podman does not work here: {refused}")
        yield host


def _chosen(request: pytest.FixtureRequest) -> Backend:
    """The back end that a fixture's parameter stands for."""
    if request.param == NO_SANDBOX:
        return docker(request.getfixturevalue("engine"))
    if request.param == PODMAN:
        return docker(request.getfixturevalue("podman"), **PODMAN_OPTIONS)
    return request.param


DOCKER = pytest.param(NO_SANDBOX, id="docker", marks=[pytest.mark.services, pytest.mark.timeout(600)])
ON_PODMAN = pytest.param(PODMAN, id="podman", marks=[pytest.mark.services, pytest.mark.timeout(600)])
EVERY = [*(pytest.param(b, id=b.name) for b in (MEMORY, *SANDBOXES)), DOCKER]


@pytest.fixture(params=EVERY)
def backend(request: pytest.FixtureRequest) -> Backend:
    """Every back end in turn."""
    return _chosen(request)


@pytest.fixture(params=[*(pytest.param(b, id=b.name) for b in SANDBOXES), DOCKER])
def real_backend(request: pytest.FixtureRequest) -> Backend:
    """Every back end whose containers are processes."""
    return _chosen(request)


@pytest.fixture(params=[*(pytest.param(b, id=b.name) for b in SANDBOXES if b.name in SHIELDED), DOCKER])
def shielded_backend(request: pytest.FixtureRequest) -> Backend:
    """Every back end that holds a function by all there is."""
    return _chosen(request)


@pytest.fixture(params=SANDBOXES, ids=lambda backend: backend.name)
def sandbox_backend(request: pytest.FixtureRequest) -> Backend:
    """Every way to make a sandbox in turn."""
    return request.param


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The data folder of a node."""
    return tmp_path
