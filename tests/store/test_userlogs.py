"""Files with the logs of all activations."""

from __future__ import annotations

import asyncio
import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from owactors.container.log_collector import STDERR, STDOUT, format_line
from owactors.core.logfile import file_text
from owactors.entity.activation import ActivationResponse, WhiskActivation
from owactors.entity.parameters import Parameters
from owactors.message.container import LogFileSettings
from owactors.store.userlogs import UserLogs, logs_of

LINES = (
    format_line(1_785_312_000_123_456_789, STDOUT, "hello: world"),
    format_line(1_785_312_000_123_456_790, STDERR, 'says "activationId":"%s", and  two spaces ' % ("2" * 32)),
    format_line(1_785_312_000_123_456_791, STDOUT, ""),
)


def record(number: int = 1) -> WhiskActivation:
    return WhiskActivation(
        namespace="guest",
        name="greet",
        subject="guest",
        activation_id=f"{number}" * 32,
        start=1000,
        end=1005,
        response=ActivationResponse.success({}),
        annotations=Parameters.of({"path": "whisk.system/tools/greet", "kind": "python:3"}),
    )


def keep(files: UserLogs, *records: WhiskActivation, lines: tuple[str, ...] = LINES) -> None:
    async def all_of_them() -> None:
        for each in records:
            await files.keep(each, lines, "uuid-1")

    asyncio.run(all_of_them())


def read_back(folder: Path, number: int, start: int = 0) -> tuple[str, ...] | None:
    return asyncio.run(logs_of(str(folder), f"{number}" * 32, start))


@pytest.mark.scenario("LG-04")
def test_each_line_says_whose_it_is_and_the_record_comes_last() -> None:
    entries: list[dict[str, Any]] = [json.loads(line) for line in file_text(record(), LINES, "uuid-1").splitlines()]
    whose = {
        "activationId": "1" * 32,
        "action": "whisk.system/tools/greet",
        "namespace": "guest",
        "namespaceId": "uuid-1",
    }
    assert entries[0] == {
        "time": "2026-07-29T08:00:00.123456789Z",
        "stream": "stdout",
        "log": "hello: world\n",
        **whose,
    }
    assert [entry["stream"] for entry in entries[:-1]] == ["stdout", "stderr", "stdout"]
    assert all(whose.items() <= entry.items() for entry in entries[:-1])
    assert entries[-1] == {**record().to_json(), "namespaceId": "uuid-1"}


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    files = UserLogs(LogFileSettings(str(tmp_path / "logs")))
    keep(files, record(1), record(2))
    assert read_back(tmp_path / "logs", 1) == LINES
    assert read_back(tmp_path / "logs", 2) == LINES
    assert read_back(tmp_path / "logs", 3) is None
    assert read_back(tmp_path / "nowhere", 1) is None
    [path] = (tmp_path / "logs").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) & ~0o640 == 0


def test_an_activation_that_printed_nothing_has_an_empty_log(tmp_path: Path) -> None:
    keep(UserLogs(LogFileSettings(str(tmp_path))), record(), lines=())
    assert read_back(tmp_path, 1) == ()


def test_a_file_that_is_full_is_followed_by_another_and_an_activation_is_in_one(tmp_path: Path) -> None:
    size = len(file_text(record(), LINES, "uuid-1"))
    files = UserLogs(LogFileSettings(str(tmp_path), file_size=2 * size))
    keep(files, *(record(number) for number in range(5)))
    assert sorted(path.stat().st_size for path in tmp_path.iterdir()) == [size, 2 * size, 2 * size]
    assert [read_back(tmp_path, number) for number in range(5)] == [LINES] * 5


def test_what_is_larger_than_a_file_is_in_one_all_the_same(tmp_path: Path) -> None:
    files = UserLogs(LogFileSettings(str(tmp_path), file_size=10))
    keep(files, record(1), record(2))
    assert len(list(tmp_path.iterdir())) == 2


def test_the_oldest_files_go_unless_they_were_written_to_just_now(tmp_path: Path) -> None:
    size = len(file_text(record(), LINES, "uuid-1"))
    files = UserLogs(LogFileSettings(str(tmp_path), file_size=size, max_bytes=3 * size))
    keep(files, *(record(number) for number in range(4)))
    assert len(list(tmp_path.iterdir())) == 4
    for path in tmp_path.iterdir():
        os.utime(path, (0, 0))
    keep(files, record(4))
    assert [read_back(tmp_path, number) is not None for number in range(5)] == [False, False, True, True, True]


def test_files_older_than_the_activation_are_not_looked_into(tmp_path: Path) -> None:
    keep(UserLogs(LogFileSettings(str(tmp_path))), record())
    [path] = tmp_path.iterdir()
    os.utime(path, (1.0, 1.0))
    assert read_back(tmp_path, 1, start=2000) == LINES  # a file system's clock ticks
    assert read_back(tmp_path, 1, start=2001) is None


def test_two_processes_have_files_of_their_own(tmp_path: Path) -> None:
    settings = LogFileSettings(str(tmp_path))
    keep(UserLogs(settings), record(1))
    keep(UserLogs(settings), record(2))
    assert len(list(tmp_path.iterdir())) == 2


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        keep(UserLogs(LogFileSettings(str(tmp_path / "file" / "logs"))), record())


def test_a_record_without_a_path_is_named(tmp_path: Path) -> None:
    text = file_text(evolve(record(), annotations=Parameters()), LINES[:1], "u")
    assert json.loads(text.splitlines()[0])["action"] == "greet"
