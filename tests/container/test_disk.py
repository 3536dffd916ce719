"""What is added up of a container's disk, and when one looks."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from owactors.container import disk
from owactors.container.disk import DiskWatch, WritingContainer, protection, used
from owactors.container.docker.engine import Engine, may_limit_disk, written_paths
from owactors.container.docker.settings import DockerSettings
from owactors.container.http import TcpAddress
from tests.container.backends import texts
from tests.container.test_docker_failures import said
from tests.container.test_docker_scenarios import _engine_saying

KB = 1024
ID = "0123456789abcdef" * 4


def write(path: Path, kilobytes: int) -> Path:
    """A file that has so much on the disk."""
    path.write_bytes(os.urandom(kilobytes * KB))
    with path.open("rb") as file:
        os.fsync(file.fileno())
    return path


def test_files_below_folders_and_by_themselves(tmp_path: Path) -> None:
    """Each file once, whatever its names; what a file only claims to have does not count."""
    (tmp_path / "a" / "b").mkdir(parents=True)
    empty = used([str(tmp_path / "a")])
    assert empty is not None
    file = write(tmp_path / "a" / "b" / "x", 64)
    os.link(file, tmp_path / "a" / "again")
    write(tmp_path / "elsewhere", 64)
    (tmp_path / "a" / "out").symlink_to("../elsewhere")
    with (tmp_path / "a" / "holes").open("wb") as holes:
        holes.truncate(1 << 30)
    assert used([str(tmp_path / "a")]) == empty + 64 * KB
    assert used([str(tmp_path / "a"), str(tmp_path / "elsewhere"), str(tmp_path / "gone")]) == empty + 128 * KB


#: opens two files, deletes the first; maps it and closes it; lets it go
KEEPING = """
import mmap, os, sys
def step():
    print("done", flush=True)
    sys.stdin.readline()
file, outside = (open(path, "r+b") for path in sys.argv[1:])
os.remove(sys.argv[1])
step()
mapped = mmap.mmap(file.fileno(), 0)
file.close()
step()
mapped.close()
step()
"""


def test_files_without_a_name(tmp_path: Path) -> None:
    """Each once, as long as somebody keeps it, and none that has a name elsewhere."""
    folder = tmp_path / "a"
    folder.mkdir()
    empty = used([str(folder)])
    assert empty is not None
    files = [str(write(folder / "x", 64)), str(write(tmp_path / "outside", 64))]
    command = [sys.executable, "-c", KEEPING, *files]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as keeping:
        assert keeping.stdin is not None
        assert keeping.stdout is not None
        for step, kept in enumerate((64 * KB, 64 * KB, 0)):
            assert keeping.stdout.readline() == "done\n"
            if step != 1 or os.geteuid() == 0:
                assert used([str(folder)], [keeping.pid]) == empty + kept
            keeping.stdin.write("\n")
            keeping.stdin.flush()


def test_more_files_than_anybody_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Are too many, and not none."""
    monkeypatch.setattr(disk, "MOST_ENTRIES", 10)
    for number in range(11):
        (tmp_path / str(number)).touch()
    assert used([str(tmp_path)]) is None


class Seen(WritingContainer):
    """One that has written `sizes`, one look after the other; the last stays."""

    def __init__(self, *sizes: int | Exception | None) -> None:
        super().__init__("seen", TcpAddress("127.0.0.1", 1))
        self.sizes, self.looks, self.kills = list(sizes), 0, 0

    async def written(self) -> int | None:
        """The next one."""
        size = self.sizes[min(self.looks, len(self.sizes) - 1)]
        self.looks += 1
        if isinstance(size, Exception):
            raise size
        return size

    def kill(self) -> None:
        """Counted."""
        self.kills += 1


def watched(monkeypatch: pytest.MonkeyPatch, limit: int, rounds: int, *containers: Seen) -> None:
    """So many looks at these."""
    left = asyncio.Event()
    count = 0

    def listed() -> tuple[Seen, ...]:
        nonlocal count
        count += 1
        if count > rounds:
            left.set()
        return () if left.is_set() else containers

    async def act() -> None:
        watch = DiskWatch(limit, listed)
        watch.start()
        await left.wait()
        watch.stop()

    monkeypatch.setattr(disk, "PERIOD", 0.001)
    asyncio.run(act())


def test_only_those_in_which_something_runs_or_ran(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who was never called is not looked at; who was, once more after the call."""
    idle, ran, running = Seen(0), Seen(0), Seen(0)
    ran.has_run = running.has_run = True
    running._in_flight = 1
    watched(monkeypatch, 100, 5, idle, ran, running)
    assert (idle.looks, ran.looks, running.looks) == (0, 1, 5)


@pytest.mark.parametrize(("size", "words"), [(3 << 20, "3 MB"), (None, "too many files")])
def test_one_that_has_written_too_much(monkeypatch: pytest.MonkeyPatch, size: int | None, words: str) -> None:
    """It is killed once and its log says why; another one's failure changes nothing."""
    broken, greedy = Seen(OSError("away")), Seen(1 << 20, size)
    for container in (broken, greedy):
        container.has_run, container._in_flight = True, 1
    watched(monkeypatch, 2 << 20, 6, broken, greedy)
    assert (greedy.kills, greedy.looks, broken.kills, broken.looks) == (1, 2, 0, 6)
    logs = asyncio.run(greedy.collector.collect(1000, False))
    assert texts(logs.lines) == [f"stderr: The action was aborted because it wrote {words} to its disk of 2 MB."]


def test_what_is_said_of_the_disk() -> None:
    """On and by how much, or off."""
    assert (protection(0).on, protection(0, "read-only").on, protection(1 << 20).on) == (False, True, True)
    assert protection(1 << 20, "and more").detail == "1 MB, looked at every second; no file may be larger; and more"


def test_where_an_engine_keeps_what_is_written() -> None:
    """Layer, volumes without a name, mounted files; not what others own; nothing without the layer."""
    mounts = [
        {"Type": "volume", "Name": ID, "Source": "/volumes/1"},
        {"Type": "volume", "Name": "shared", "Source": "/volumes/2"},
        {"Type": "bind", "Source": "/home"},
    ]
    found: dict[str, Any] = {
        "GraphDriver": {"Data": {"UpperDir": "/layer"}},
        "Mounts": mounts,
        "HostsPath": "/hosts",
        "HostnamePath": "",
        "ResolvConfPath": "/resolv.conf",
    }
    assert written_paths(found) == ("/layer", "/volumes/1", "/hosts", "/resolv.conf")
    assert written_paths({**found, "GraphDriver": None}) == written_paths({}) == ()


@pytest.mark.parametrize(
    ("info", "may"),
    [
        ({"Driver": "overlay2", "DriverStatus": [["Backing Filesystem", "extfs"]]}, False),
        ({"Driver": "overlay2", "DriverStatus": [["Backing Filesystem", "xfs"]]}, True),
        ({"Driver": "btrfs", "DriverStatus": []}, False),
        ({"Driver": "vfs"}, False),
    ],
)
def test_storage_drivers(info: dict[str, Any], may: bool) -> None:
    """Which are worth a try."""
    assert may_limit_disk(info) is may


def refused(*_: Any, **__: Any) -> Any:
    """As an engine does whose file system has no quotas."""
    raise said(500, "--storage-opt is supported only for overlay over xfs with 'pquota' mount option")


@pytest.mark.parametrize(
    ("images", "create", "can"),
    [(["sha256:1"], lambda *_, **__: {"Id": ID}, True), (["sha256:1"], refused, False), ([], refused, False)],
    ids=["taken", "refused", "no image"],
)
def test_whether_an_engine_limits_disks(images: list[str], create: Any, can: bool) -> None:
    """By making a container with a limit, which carries our labels and goes again."""
    removed: list[str] = []
    engine = _engine_saying(
        info=lambda: {"Driver": "overlay2", "DriverStatus": [["Backing Filesystem", "xfs"]]},
        images=lambda quiet: images,
        create_host_config=lambda **options: options,
        create_container=create,
        remove_container=lambda id, **_: removed.append(id),
    )
    assert asyncio.run(engine.limits_disk({"owactors.node": "x"})) is can
    assert removed == ([ID] if can else [])


def test_an_engine_that_limits_disks_is_asked_to() -> None:
    """With each container that it makes."""
    from docker import APIClient

    engine = Engine(DockerSettings(disk=1000))
    engine._api = APIClient(base_url="tcp://127.0.0.1:1", version="1.41")
    engine.disk_limited = True
    from owactors.container.port import ContainerSpec

    assert engine._host_config(ContainerSpec("x", "python:3"))["StorageOpt"] == {"size": "1000"}
