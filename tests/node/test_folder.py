import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from owactors.node import folder as folders
from owactors.node.folder import DataFolder, FolderRefused


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "PATIENCE", 0.1)


def test_a_boot_has_a_folder_of_its_own_that_goes_with_it(tmp_path: Path) -> None:
    with DataFolder(tmp_path / "data") as folder:
        assert folder.open() == []
        boot = folder.boot()
        assert boot.is_dir()
        assert boot.stat().st_mode & 0o777 == 0o700
    assert not boot.exists()


def test_what_a_killed_node_left_is_named_and_removed(tmp_path: Path) -> None:
    left = tmp_path / "actors" / "old"
    left.mkdir(parents=True)
    (left / "1.sock").touch()
    (tmp_path / "node.url").write_text("http://127.0.0.1:1")
    with DataFolder(tmp_path) as folder:
        assert folder.open() == [
            f"removed {left}, with 1 sockets of dead processes",
            f"removed {tmp_path / 'node.url'}: it was an earlier node's, which did not stop in order",
        ]
        assert not left.exists()


def test_a_folder_of_another_life_of_the_machine_is_named_as_that(tmp_path: Path) -> None:
    left = tmp_path / "actors" / "old"
    left.mkdir(parents=True)
    os.utime(left, (1.0, 1.0))
    with DataFolder(tmp_path) as folder:
        assert "before this machine was started" in folder.open()[0]


def test_a_process_that_still_has_a_socket_there_is_ended(tmp_path: Path) -> None:
    left = tmp_path / "actors" / "old"
    left.mkdir(parents=True)
    code = (
        "import signal, socket, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); s = socket.socket(socket.AF_UNIX); "
        "s.bind(sys.argv[1]); s.listen(); print(1, flush=True); signal.pause()"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(left / "1.sock")], stdout=subprocess.PIPE) as survivor:
        assert survivor.stdout is not None
        survivor.stdout.readline()
        with DataFolder(tmp_path) as folder:
            told = folder.open()[0]
        assert survivor.wait(10) == -signal.SIGKILL
    assert told.startswith(f"ended process {survivor.pid} ")
    assert told.endswith("of an earlier node, 1 of them by force")


def test_processes_that_hold_the_folder_of_a_node_that_is_dead_are_ended(tmp_path: Path) -> None:
    """As stock bases leave them: the actors have inherited the lock, and live on."""
    with DataFolder(tmp_path) as dead:
        dead.open()
        child = os.fork()
        if child == 0:
            time.sleep(60)
            os._exit(0)
        # the node itself is gone: its number is not among those that hold the file
        (tmp_path / "node.lock").write_text("1")
        try:
            assert dead._lock is not None
            os.close(dead._lock)
            dead._lock = None
            with DataFolder(tmp_path) as folder:
                told = folder.open()
        finally:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    assert told[0].startswith(f"ended process {child} ")


def test_a_folder_that_was_refused_is_left_as_it_is(tmp_path: Path) -> None:
    with DataFolder(tmp_path) as holder:
        holder.open()
        boot = holder.boot()
        with DataFolder(tmp_path) as other, pytest.raises(FolderRefused):
            other.open()
        assert boot.is_dir()


def test_a_deep_folder_has_its_sockets_elsewhere(tmp_path: Path) -> None:
    with DataFolder(tmp_path / ("d" * 90)) as folder:
        folder.open()
        assert len(str(folder.boot())) < 90


def test_a_file_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    with pytest.raises(FolderRefused, match="--data-dir"):
        DataFolder(tmp_path / "data").open()


def _hold(path: Path, held: "multiprocessing.synchronize.Event", stop: "multiprocessing.synchronize.Event") -> None:
    with DataFolder(path) as folder:
        folder.open()
        held.set()
        stop.wait(30)


def test_two_nodes_do_not_share_a_folder(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    held, stop = context.Event(), context.Event()
    other = context.Process(target=_hold, args=(tmp_path, held, stop))
    other.start()
    try:
        assert held.wait(30)
        with pytest.raises(FolderRefused, match=f"in use by another node .process {other.pid}"):
            DataFolder(tmp_path).open()
    finally:
        stop.set()
        other.join()
    with DataFolder(tmp_path) as folder:
        folder.open()
