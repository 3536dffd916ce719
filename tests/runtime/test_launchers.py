"""Which kinds can run here, and what to do about the others."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from owactors.entity.manifest import ExecManifest
from owactors.runtime import LauncherMissing, find_launchers
from owactors.runtime import launchers as module

MANIFEST = Path(__file__).resolve().parents[2] / "owactors" / "defaults" / "runtimes.json"


def test_manifest_is_valid_and_its_default_runs_here() -> None:
    """The packaged manifest; python:3 runs wherever owactors does."""
    manifest = ExecManifest.from_json(json.loads(MANIFEST.read_text()))
    assert manifest.defaults["python"] == "python:3"
    launchers = find_launchers(manifest.runtimes)
    assert set(launchers.found) | set(launchers.missing) == set(manifest.runtimes)
    assert launchers["python:3"].argv[0]
    assert launchers["native:1"]


def test_own_version() -> None:
    """The interpreter that runs this."""
    kind = f"python:3.{sys.version_info.minor}"
    assert find_launchers([kind])[kind].argv == find_launchers(["python:3"])["python:3"].argv


@pytest.mark.parametrize(
    ("kind", "advice"),
    [
        ("python:3.99", "install Python 3.99"),
        ("nodejs:999", "install node 999"),
        ("php:8", "--container docker"),
    ],
)
def test_missing(kind: str, advice: str) -> None:
    """The message names the kind and says what to do."""
    with pytest.raises(LauncherMissing, match=f"{kind}.*{advice}"):
        find_launchers([kind])[kind]


def test_no_node(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without node its kinds are missing, not broken."""
    monkeypatch.setattr(module.shutil, "which", lambda name: None)
    assert "apt-get install nodejs" in find_launchers(["nodejs:20"]).missing["nodejs:20"]


def test_command() -> None:
    """The folder of the proxies and the limit of the heap are put in."""
    launcher = module.Launcher("x:1", ("x", "{launch}/x.js"), heap="--heap={mib}")
    assert launcher.command("/launch", 64) == ["x", "--heap=64", "/launch/x.js"]
    assert launcher.command("/launch") == ["x", "/launch/x.js"]
