"""Logs that are not kept with the record."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from tests.end_to_end.clusters import Cluster, LiveController, LiveInvoker
from tests.end_to_end.followed import TALKING, following, lines_come_while_it_runs
from tests.end_to_end.nodes import LiveNode, free_port
from tests.store.couchserver import CouchServer

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
    lines_come_while_it_runs(out_of_band, "slow", tmp_path)


def test_lines_are_shown_where_each_container_has_a_process_of_its_own(tmp_path: Path) -> None:
    """Of a proxy that is there when somebody begins to follow, and of one that comes later."""
    options = ("actors.placement=process", "containers.prewarm=false", "node.drain_timeout=1 s")
    with LiveNode(*(option for choice in options for option in ("--set", choice))) as live:
        lines_come_while_it_runs(live, "early", tmp_path)
        live.deploy("late", TALKING, timeout=60_000)
        with following(live, "late", tmp_path) as shown:
            called = live.invoke("late", query="blocking=false").json["activationId"]
            live.wait_until(lambda: "line 0" in shown.read_text(), "shows what the later one prints")
        assert live.api("GET", f"/activations/{called}").status == 404


OPTIONS = ("containers.prewarm=false", "controller.health_kind=python:3", "node.drain_timeout=1 s")


@contextmanager
def running(controller: LiveController, invoker: LiveInvoker) -> Iterator[LiveController]:
    """Both, until the controller trusts the invoker."""
    controller.others = lambda: [invoker]
    try:
        controller.start()
        invoker.start()
        controller.wait_until(lambda: list(controller.invokers().values()) == ["up"], "the invoker is up", 40)
        yield controller
    finally:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda node: node.close(), (invoker, controller)))


def over_actors(folder: Path) -> AbstractContextManager[LiveController]:
    """A controller that has the documents, and an invoker; without any service."""
    key, bus = folder / "cluster.key", f"127.0.0.1:{free_port()}"
    key.write_bytes(os.urandom(32))
    key.chmod(0o600)
    options = ["--key-file", str(key), *(option for choice in OPTIONS for option in ("--set", choice))]
    controller = LiveController("--id", "0", "--bus", bus, *options)
    return running(controller, LiveInvoker("--id", "0", "--join", bus, *options))


@contextmanager
def over_kafka(kafka: str, folder: Path) -> Iterator[LiveController]:
    """Both write their records into a CouchDB."""
    options = [option for choice in OPTIONS for option in ("--set", choice)]
    with CouchServer.running(folder) as couch, couch.databases() as couchdb:
        cluster = Cluster(kafka, couchdb, folder, *options)
        with running(cluster.controller("0"), cluster.invoker(0)) as controller:
            yield controller


@pytest.fixture(scope="module", params=["actors", pytest.param("kafka", marks=pytest.mark.services)])
def two(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveController]:
    """A controller and an invoker."""
    folder = tmp_path_factory.mktemp("cluster")
    if request.param == "kafka":
        world: AbstractContextManager[LiveController] = over_kafka(request.getfixturevalue("kafka_address"), folder)
    else:
        world = over_actors(folder)
    with world as controller:
        yield controller


def test_lines_of_another_process_are_shown_while_the_call_runs(two: LiveController, tmp_path: Path) -> None:
    lines_come_while_it_runs(two, "far", tmp_path)


def test_who_leaves_is_told_no_more_and_who_comes_back_is(two: LiveController, tmp_path: Path) -> None:
    lines_come_while_it_runs(two, "again", tmp_path)
    two.deploy("short", "def main(args):\n    print('short one')\n    return {}")
    with following(two, "short", tmp_path) as shown:
        called = two.invoke("short").json["activationId"]
        two.wait_until(lambda: "short one" in shown.read_text(), "shows a call that has ended")
    assert shown.read_text().splitlines() == [f"-- short {called}", "short one"]
