"""The Docker engine for tests: one that is given, one that runs already in this checkout, or one started for
them.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
SERVICES = str(CHECKOUT / "scripts" / "services")


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


def unavailable(service: str, reason: list[str]) -> None:
    """Skip with one clear line, or fail in CI, where every service has to be there."""
    text = f"no {service} here: {reason[-1] if reason else 'scripts/services could not start it'}"
    if os.environ.get("CI"):
        pytest.fail(text)
    pytest.skip(text)


def _services(command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([SERVICES, command, "docker"], capture_output=True, text=True, timeout=600)
