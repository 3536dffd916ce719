"""Control groups of nodes whose data folder is gone."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from owactors.container.sandbox import cgroup, factory
from owactors.container.sandbox.bootgroup import BootGroup
from owactors.container.sandbox.cgroup import CgroupLayout
from owactors.container.sandbox.factory import SandboxFactory
from owactors.container.sandbox.leftovers import remove_empty_groups
from owactors.container.sandbox.settings import SandboxSettings
from tests.container.backends import Backend, alive_with, cgroups_with, sandbox
from tests.container.privatehost import CHECKOUT


@pytest.fixture
def parent(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A group of this test's own in which groups can be made, also by sandboxes."""
    layout = cgroup.detect()
    if not layout.parents:
        pytest.skip("no control groups that can be written")
    above = layout.parents.get("freezer", next(iter(layout.parents.values())))
    folder = above / f"owactors-outer-{os.getpid()}"
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
        sandboxes = SandboxFactory(SandboxSettings(tmp_path, ("python:3",), network="host"))
        await sandboxes.start()
        await sandboxes.close()

    asyncio.run(act())
    assert not [path for path in parent.iterdir() if path.is_dir()]


OWNER = """
import asyncio, sys
from pathlib import Path
from tests.container.backends import HELLO, sandbox, started
from owactors.container.sandbox import cgroup
from owactors.container.sandbox.cgroup import CgroupLayout
layout = CgroupLayout(int(sys.argv[3]), {"freezer": Path(sys.argv[4])})
cgroup.detect = lambda: layout
async def act():
    backend = sandbox("sandbox", network="host", **eval(sys.argv[2]))
    factory = backend.make(Path(sys.argv[1]))
    await factory.start()
    frozen = await started(factory, backend, HELLO)
    await frozen.suspend()
    await started(factory, backend, HELLO)
    print(frozen.id, flush=True)
    await asyncio.sleep(600)
asyncio.run(act())
"""
NOT_FORKED = {"zygote": False}
PLAIN = {"zygote": False, "bubblewrap": False}


@pytest.mark.parametrize("options", [{}, NOT_FORKED, PLAIN], ids=["zygote", "bubblewrap", "plain"])
def test_frozen_sandboxes_of_a_killed_node_end_without_its_data(
    parent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, bool]
) -> None:
    """And nothing happens to those of a node that lives, whatever becomes of its data."""
    backend, version = sandbox("sandbox", network="host", **options), cgroup.detect().version
    command = [sys.executable, "-c", OWNER, str(tmp_path / "node"), repr(options), str(version), str(parent)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=CHECKOUT) as node:
        assert node.stdout is not None
        id = node.stdout.readline().strip()
        boot = id.partition("-")[0]
        shutil.rmtree(tmp_path / "node")
        try:
            with monkeypatch.context() as impatient:
                impatient.setattr(factory, "UNKNOWN_FOR", -1)
                assert ids_that_go(backend, tmp_path / "other") == set()
            assert len(alive_with(f"{boot}-")) >= 2
        finally:
            node.kill()
    # Where groups are of version 2 a frozen process can be killed.
    assert alive_with(id) or version == 2
    assert ids_that_go(backend, tmp_path / "other") == set()
    monkeypatch.setattr(factory, "UNKNOWN_FOR", -1)
    assert id in ids_that_go(backend, tmp_path / "other")
    assert not alive_with(f"{boot}-")
    assert not cgroups_with(boot)


def ids_that_go(backend: Backend, folder: Path) -> set[str]:
    """Those which the start of another node removes."""
    gone: set[str] = set()

    async def act() -> None:
        another = backend.make(folder)
        try:
            gone.update((await another.start()).swept)
        finally:
            await another.close()

    asyncio.run(act())
    return gone


def test_two_nodes_beside_each_other(parent: Path, tmp_path: Path) -> None:
    """Neither ends what is the other's; whoever has gone leaves no group."""
    layout = cgroup.detect()
    one, other = [BootGroup.make(layout, boot, tmp_path, 60) for boot in ("0a0a0a0a", "0b0b0b0b")]
    assert one is not None
    assert other is not None
    (parent / "owactors-0a0a0a0a-1").mkdir()
    try:
        assert other.look() == []
        assert {path.name for path in parent.iterdir() if path.is_dir()} >= {"owactors-0a0a0a0a-1", one.path.name}
        os.close(one._lock)
        assert other.look() == []
        other.seconds = 0
        assert other.look() == ["0a0a0a0a-1"]
        assert not one.path.exists()
        assert other.path.exists()
    finally:
        other.remove()
    assert not [path for path in parent.iterdir() if path.is_dir()]


def test_a_group_that_is_taken_away_before_it_is_locked(
    parent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Is made again."""
    taken = []

    def lock(descriptor: int, operation: int) -> None:
        if not taken:
            (parent / "owactors-lock-0a0a0a0a").rmdir()
            taken.append(descriptor)

    monkeypatch.setattr("owactors.container.sandbox.bootgroup.fcntl.flock", lock)
    group = BootGroup.make(cgroup.detect(), "0a0a0a0a", tmp_path, 60)
    assert group is not None
    assert group.path.exists()
    group.remove()
    assert not group.path.exists()
