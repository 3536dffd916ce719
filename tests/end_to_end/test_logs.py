"""Logs that are not kept with the record."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.nodes import GUEST, LiveNode

HELLO = "def main(args):\n    print('hello', args['n'])\n    return {}"


@pytest.fixture(scope="module")
def out_of_band() -> Iterator[LiveNode]:
    with LiveNode("--set", "logs.store=out-of-band", "--set", "containers.prewarm=false") as live:
        yield live


def files(node: LiveNode) -> list[Path]:
    return list((node.data / "logs").glob("userlogs-*.log"))


def test_logs_are_in_a_file_and_read_back(out_of_band: LiveNode) -> None:
    out_of_band.deploy("hello", HELLO)
    called = [out_of_band.invoke("hello", {"n": number}).json["activationId"] for number in range(3)]
    for number, activation_id in enumerate(called):
        record = out_of_band.record(activation_id)
        assert record["logs"] == []
        assert {"key": "logs", "value": "out_of_band"} in record["annotations"]
        [line] = out_of_band.api("GET", f"/activations/{activation_id}/logs").json["logs"]
        assert line.endswith(f"stdout: hello {number}")
    [path] = files(out_of_band)
    entries = [json.loads(line) for line in path.read_text().splitlines()]
    assert [entry["activationId"] for entry in entries] == [each for each in called for _ in range(2)]
    assert [entry.get("log") for entry in entries[:2]] == ["hello 0\n", None]


def test_where_files_cannot_be_read_the_answer_says_where_they_are(out_of_band: LiveNode) -> None:
    out_of_band.deploy("hello", HELLO)
    activation_id = out_of_band.invoke("hello", {"n": 7}).json["activationId"]
    out_of_band.record(activation_id)
    [path] = files(out_of_band)
    hidden = path.rename(path.with_name("elsewhere"))
    [line] = out_of_band.api("GET", f"/activations/{activation_id}/logs").json["logs"]
    hidden.rename(path)
    assert "out of band" in line


def test_without_files_the_record_has_the_log(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    options = ("--set", "logs.store=out-of-band", "--set", f"logs.folder={tmp_path}/file/logs")
    with LiveNode(*options, "--set", "containers.prewarm=false") as live:
        live.deploy("hello", HELLO)
        record = live.record(live.invoke("hello", {"n": 1}).json["activationId"])
        assert [line[31:] for line in record["logs"]] == ["stdout: hello 1"]
        assert "is not in a file: NotADirectoryError" in live.log_text()


def test_lines_are_shown_while_the_call_runs(out_of_band: LiveNode, tmp_path: Path) -> None:
    code = "import time\ndef main(args):\n    print('begun')\n    time.sleep(50)\n    return {}"
    out_of_band.deploy("slow", code, timeout=60_000)
    called = out_of_band.invoke("slow", query="blocking=false").json["activationId"]
    environment = {**os.environ, "OWACTORS_APIHOST": out_of_band.url, "OWACTORS_AUTH": GUEST}
    command = [sys.executable, "-m", "owactors.cli", "logs", "slow", "--follow", "--strip"]
    shown = tmp_path / "shown"
    with shown.open("w") as stdout:
        tail = subprocess.Popen(command, env=environment, stdout=stdout)
    try:
        out_of_band.wait_until(lambda: "begun" in shown.read_text(), "shows what it prints")
    finally:
        tail.kill()
        tail.wait()
    assert out_of_band.api("GET", f"/activations/{called}").status == 404
    assert shown.read_text().splitlines() == [f"-- slow {called}", "begun"]
