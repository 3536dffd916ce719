"""Control groups of nodes whose data folder is gone."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from owactors.container.sandbox import cgroup, factory
from owactors.container.sandbox.cgroup import CgroupLayout
from owactors.container.sandbox.factory import SandboxFactory
from owactors.container.sandbox.leftovers import remove_empty_groups
from owactors.container.sandbox.settings import SandboxSettings


@pytest.fixture
def parent(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A group of this test's own in which groups can be made, also by sandboxes."""
    layout = cgroup.detect()
    if not layout.parents:
        pytest.skip("no control groups that can be written")
    folder = next(iter(layout.parents.values())) / f"owactors-outer-{os.getpid()}"
    folder.mkdir()
    monkeypatch.setattr(cgroup, "detect", lambda: CgroupLayout(layout.version, {"freezer": folder}))
    try:
        yield folder
    finally:
        for group in folder.iterdir():
            if group.is_dir():
                group.rmdir()
        folder.rmdir()


def test_empty_groups_of_others_go(parent: Path) -> None:
    """Not those with a process, our own, young ones, and what is no sandbox's."""
    names = ("owactors-0a0a0a0a-1", "owactors-0a0a0a0a-2", "owactors-0b0b0b0b-3", "owactors-probe-4", "owactors-other")
    dead, used, own, *others = (parent / name for name in names)
    for path in (dead, used, own, *others):
        path.mkdir()
    with subprocess.Popen(["sleep", "600"]) as process:
        try:
            (used / "cgroup.procs").write_text(str(process.pid))
            assert remove_empty_groups([parent], "0b0b0b0b", 60) == []
            assert remove_empty_groups([parent, parent], "0b0b0b0b", -1) == [str(dead)]
            assert all(path.exists() for path in (used, own, *others))
        finally:
            process.kill()
    assert not dead.exists()


def test_a_start_removes_them(parent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever its data folder."""
    monkeypatch.setattr(factory, "UNKNOWN_FOR", -1)
    (parent / "owactors-0a0a0a0a-1").mkdir()

    async def act() -> None:
        sandboxes = SandboxFactory(SandboxSettings(tmp_path, ("python:3",)))
        await sandboxes.start()
        await sandboxes.close()

    asyncio.run(act())
    assert not [path for path in parent.iterdir() if path.is_dir()]
