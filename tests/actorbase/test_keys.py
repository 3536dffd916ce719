"""The key file: made once, readable by its owner only."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from owactors.actorbase.keys import SIZE, BadKeyFile, load_key


def test_a_missing_key_is_made_and_found_again(tmp_path: Path) -> None:
    path = str(tmp_path / "key")
    key = load_key(path)
    assert (len(key), load_key(path)) == (SIZE, key)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert os.listdir(tmp_path) == ["key"]


def test_many_at_once_agree_on_one_key(tmp_path: Path) -> None:
    keys: list[bytes] = []
    threads = [threading.Thread(target=lambda: keys.append(load_key(str(tmp_path / "key")))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 8
    assert len(set(keys)) == 1


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key"
    load_key(str(path))
    path.chmod(0o640)
    with pytest.raises(BadKeyFile, match="0600"):
        load_key(str(path))


def test_a_short_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(b"short")
    path.chmod(0o600)
    with pytest.raises(BadKeyFile, match="5 bytes"):
        load_key(str(path))


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    load_key(str(tmp_path / "key"))
    (tmp_path / "link").symlink_to(tmp_path / "key")
    with pytest.raises(OSError, match="link"):
        load_key(str(tmp_path / "link"))
