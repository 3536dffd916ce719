"""Fixtures for tests of containers: the back ends, the Docker engine among them where there is one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.container.backends import MEMORY, SANDBOXES, Backend

EVERY = [MEMORY, *SANDBOXES]


@pytest.fixture(params=EVERY, ids=lambda backend: backend.name)
def backend(request: pytest.FixtureRequest) -> Backend:
    """Every back end in turn."""
    return request.param


@pytest.fixture(params=SANDBOXES, ids=lambda backend: backend.name)
def sandbox_backend(request: pytest.FixtureRequest) -> Backend:
    """Every way to make a sandbox in turn."""
    return request.param


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The data folder of a node."""
    return tmp_path
