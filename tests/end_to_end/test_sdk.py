"""The JavaScript SDK `openwhisk`, unchanged, over all its resources."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.end_to_end.nodes import GUEST, LiveNode

SDK = "openwhisk@3.21.9"
WALK = Path(__file__).parent / "sdk" / "walk.js"
SECONDS = 110
RESOURCES = (
    "actions",
    "invoking",
    "sequences",
    "packages",
    "triggers",
    "rules",
    "activations",
    "namespaces",
    "feeds",
    "routes",
)


def _missing(why: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(why)
    pytest.skip(why)


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the SDK in it."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        _missing("no node and npm on this machine")
    folder = tmp_path_factory.mktemp("sdk")
    command = [str(npm), "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(folder), SDK]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        _missing("npm cannot install the SDK in time")
    if done.returncode != 0:
        _missing(f"npm cannot install the SDK: {done.stderr[-300:]}")
    return folder / "node_modules"


def _walk(modules: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if "PROXY" not in name.upper() and name[:4] != "__OW"}
    environment = {**kept, "NODE_PATH": str(modules), **environment}
    command = ["node", str(WALK), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False)


@pytest.mark.parametrize("resource", RESOURCES)
@pytest.mark.scenario("K06")
def test_a_resource_of_the_sdk(node: LiveNode, modules: Path, resource: str) -> None:
    done = _walk(modules, resource, APIHOST=node.url, KEY=GUEST)
    assert done.returncode == 0, done.stderr


def test_all_its_resources_are_walked(modules: Path) -> None:
    assert tuple(_walk(modules, APIHOST="http://127.0.0.1", KEY=GUEST).stdout.split()) == RESOURCES
