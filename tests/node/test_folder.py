import multiprocessing
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
    with DataFolder(tmp_path) as folder:
        assert folder.open() == [str(left)]
        assert not left.exists()


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
