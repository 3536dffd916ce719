"""Control groups of version 2: on a tree of plain files that looks like the kernel's, and on the kernel's own tree as
far as it has one. Where the controllers are still those of version 1, groups of version 2 can freeze and kill.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from owactors.container.docker import processgroup
from owactors.container.port import ContainerFactory
from owactors.container.sandbox import cgroup
from owactors.container.sandbox.cgroup import CgroupLayout, ControlGroup, OomCounter
from owactors.container.sandbox.processes import start_time
from owactors.core.reply import NoResponseReceived, RunTimeout
from tests.container.backends import ECHO, PATIENCE, SANDBOXES, Backend, body_of, run_body, scenario, started
from tests.container.lives import SEED, TIMES, Lives
from tests.container.reality import reality_of
from tests.container.test_sandbox import eventually

ID = "c" * 64
V2 = [backend for backend in SANDBOXES if backend.name in ("sandbox-zygote", "sandbox-bubblewrap", "sandbox-plain")]


def fake_group(base: Path, *, memory: bool = True) -> Path:
    """A group as a new one looks."""
    base.mkdir(parents=True)
    files = {
        "cgroup.procs": "",
        "cgroup.freeze": "0\n",
        "cgroup.events": "populated 0\nfrozen 0\n",
        "pids.max": "max\n",
    }
    if memory:
        files |= {"memory.max": "max\n", "memory.swap.max": "max\n", "cpu.max": "max 100000\n"}
        files |= {"memory.events": "low 0\nhigh 0\nmax 3\noom 1\noom_kill 0\n", "memory.peak": "1048576\n"}
    for name, text in files.items():
        (base / name).write_text(text)
    return base


def group_in(base: Path) -> ControlGroup:
    """With every controller."""
    return ControlGroup(2, dict.fromkeys(("memory", "pids", "freezer", "cpu"), base))


def test_limits(tmp_path: Path) -> None:
    """Memory without swap, processes, cores."""
    group = group_in(fake_group(tmp_path / "g"))
    group.limit(256 << 20, 64, 0.5)
    written = {name: (tmp_path / "g" / name).read_text() for name in ("memory.max", "memory.swap.max", "pids.max")}
    assert written == {"memory.max": str(256 << 20), "memory.swap.max": "0", "pids.max": "64"}
    assert (tmp_path / "g" / "cpu.max").read_text() == "50000 100000"
    assert group.joining == [str(tmp_path / "g" / "cgroup.procs")]
    assert group.peak_memory() == 1048576


def test_freezing_is_believed_when_the_kernel_says_so(tmp_path: Path) -> None:
    """The wish is written to one file, the fact is read from another."""
    base = fake_group(tmp_path / "g")
    assert not group_in(base).freeze()
    assert (base / "cgroup.freeze").read_text() == "1"
    (base / "cgroup.events").write_text("populated 1\nfrozen 1\n")
    assert group_in(base).freeze()
    assert not group_in(base).thaw()
    assert (base / "cgroup.freeze").read_text() == "0"
    (base / "cgroup.events").write_text("populated 1\nfrozen 0\n")
    assert group_in(base).thaw()


def test_kills_of_the_kernel_are_counted(tmp_path: Path) -> None:
    """`oom_kill`, not `oom`: a failed allocation that killed nobody is none."""
    base = fake_group(tmp_path / "g")
    counter = OomCounter.of(group_in(base))
    assert not counter.rose()
    (base / "memory.events").write_text("low 0\nhigh 0\nmax 9\noom 2\noom_kill 1\noom_group_kill 0\n")
    assert counter.rose()
    assert not counter.rose()
    counter.close()


def test_kill_by_one_write(tmp_path: Path) -> None:
    """Where the kernel has the file for it; else process by process."""
    base = fake_group(tmp_path / "g")
    (base / "cgroup.kill").write_text("")
    group_in(base).kill()
    assert (base / "cgroup.kill").read_text() == "1"


def test_where_groups_can_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In our own group, or beside it if it cannot have children with limits; nowhere without controllers."""
    here = tmp_path / "service"
    here.mkdir()
    monkeypatch.setattr(cgroup, "_mounts", lambda: [("cgroup2", "/", str(tmp_path), "rw")])
    monkeypatch.setattr(cgroup, "groups_of_process", lambda pid: {"": "/service"})
    assert cgroup.detect() == CgroupLayout()
    for works, expected in ((here, here), (tmp_path, tmp_path)):
        monkeypatch.setattr(cgroup, "_v2_works", lambda base, works=works: base == works)
        layout = cgroup.detect()
        assert layout.version == 2
        assert set(layout.parents) == {"memory", "pids", "freezer", "cpu"}
        assert set(layout.parents.values()) == {expected}


def test_a_container_of_an_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its one group is used if it names the container, whichever way the engine has put it."""
    for place in (f"docker/{ID}", f"system.slice/docker-{ID}.scope", f"machine.slice/libpod-{ID}.scope"):
        base = fake_group(tmp_path / place)
        monkeypatch.setattr(processgroup, "groups_of_process", lambda pid, place=place: {"": f"/{place}"})
        monkeypatch.setattr(processgroup, "mount_points", lambda: {"": tmp_path})
        group = processgroup.groups_of(os.getpid(), ID)
        assert group == ControlGroup(2, {"freezer": base, "memory": base})
        assert processgroup.groups_of(os.getpid(), "d" * 64) is None


def test_version_one_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With both trees mounted the engine has its controllers in the old one, and two freezers would fight."""
    fake_group(tmp_path / "unified" / "docker" / ID)
    old = tmp_path / "freezer" / "docker" / ID
    old.mkdir(parents=True)
    (old / "freezer.state").write_text("THAWED")
    monkeypatch.setattr(
        processgroup, "groups_of_process", lambda pid: {"": f"/docker/{ID}", "freezer": f"/docker/{ID}"}
    )
    points = {"": tmp_path / "unified", "freezer": tmp_path / "freezer"}
    monkeypatch.setattr(processgroup, "mount_points", lambda: points)
    assert processgroup.groups_of(os.getpid(), ID) == ControlGroup(1, {"freezer": old})


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Path]:
    """A group of the kernel's own tree of version 2 that tests may make groups in."""
    point = cgroup.mount_points().get("")
    if point is None:
        pytest.skip("no control groups of version 2 here")
    base = point / f"owactors-test-{os.getpid()}-{tmp_path.name}"
    try:
        base.mkdir()
    except OSError as error:
        pytest.skip(f"control groups of version 2 cannot be made here: {error.strerror}")
    try:
        yield base
    finally:
        for path in (*base.glob("owactors-*"), base):
            assert eventually(lambda path=path: _removed(path))


def _removed(path: Path) -> bool:
    ControlGroup(2, {"freezer": path}).kill()
    return ControlGroup(2, {"freezer": path}).remove()


@pytest.fixture(params=V2, ids=lambda backend: backend.name)
def v2_backend(request: pytest.FixtureRequest, tree: Path, monkeypatch: pytest.MonkeyPatch) -> Backend:
    """A sandbox whose groups are of version 2."""
    found = "freezer" if not (tree / "memory.max").exists() else None
    parents = {found: tree} if found else dict.fromkeys(("memory", "pids", "freezer", "cpu"), tree)
    monkeypatch.setattr(cgroup, "detect", lambda: CgroupLayout(2, parents))
    backend: Backend = request.param
    return backend


def test_real_group(tree: Path, folder: Path) -> None:
    """Join, freeze, thaw, kill while frozen, remove."""
    group = cgroup.create(CgroupLayout(2, {"freezer": tree}), "one")
    assert group is not None
    beats = folder / "beats"
    script = f"echo 0 > {group.joining[0]}; sleep 600 & while :; do echo x >> {beats}; done"
    process = subprocess.Popen(["/bin/sh", "-c", script])
    deadline = time.monotonic() + PATIENCE
    while len(group.pids()) < 2 or not beats.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    pids = group.pids()
    assert group.freeze()
    seen = beats.stat().st_size
    time.sleep(0.05)
    assert beats.stat().st_size == seen
    assert group.thaw()
    while beats.stat().st_size == seen:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert group.freeze()
    assert not group.remove()
    group.kill()
    assert process.wait(PATIENCE) == -signal.SIGKILL
    while not group.remove():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert all(start_time(pid) is None for pid in pids)


def test_sandboxes_in_real_groups(v2_backend: Backend, folder: Path, tree: Path) -> None:
    """Called, paused and resumed, over their time, destroyed while paused and in a run: groups go with them."""
    code = "import os, time\ndef main(args):\n    os.fork() or os.setsid()\n    time.sleep(args['s'])\n"

    async def play(factory: ContainerFactory) -> None:
        assert factory.report_of("freezer").detail == "control group version 2"  # type: ignore[attr-defined]
        one = await started(factory, v2_backend, ECHO)
        for number in range(3):
            await one.suspend()
            await one.resume()
            assert json.loads(body_of(await one.run(run_body({"n": number}), PATIENCE)).body) == {"n": number}
        await one.suspend()
        slow, busy = [await started(factory, v2_backend, code) for _ in range(2)]
        boot = factory.boot  # type: ignore[attr-defined]
        assert {path.name for path in tree.glob("owactors-*")} == {
            f"owactors-lock-{boot}",
            *(f"owactors-{container.id}" for container in (one, slow, busy)),
        }
        assert (await slow.run(run_body({"s": 600}), 0.5)).outcome == RunTimeout(0.5)
        run = asyncio.ensure_future(busy.run(run_body({"s": 600}), PATIENCE))
        await asyncio.sleep(0.05)
        for container in (one, slow, busy):
            await container.destroy()
        assert isinstance((await run).outcome, NoResponseReceived)
        assert [path.name for path in tree.glob("owactors-*")] == [f"owactors-lock-{boot}"]

    scenario(v2_backend, folder, play)
    assert not list(tree.glob("owactors-*"))


@pytest.mark.timeout(300)
def test_random_lives_in_real_groups(v2_backend: Backend, folder: Path) -> None:
    """See test_random.py."""

    async def play(factory: ContainerFactory) -> None:
        await Lives(v2_backend, factory, reality_of(factory, folder), SEED).play(int(150 * TIMES))

    scenario(v2_backend, folder, play)
