"""A node is hurt while calls run: callers hear the cause, nothing accepted is lost, it heals, nothing stays behind."""

import json
import os
import signal
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.end_to_end.nodes import LiveNode, Reply

SLOW = "import time\ndef main(args):\n    time.sleep(args.get('s', 0.5))\n    return {'ok': True}"


@pytest.fixture
def node() -> Iterator[LiveNode]:
    with LiveNode("--set", "containers.prewarm=false") as live:
        yield live


def control_groups(pids: list[int]) -> list[Path]:
    """Our control groups that these processes are in, whatever the version."""
    found = set()
    for pid in pids:
        for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
            path = line.rpartition(":")[2]
            if "owactors-" in path:
                found.update(mount.parent for mount in Path("/sys/fs/cgroup").glob(f"*{path}/cgroup.procs"))
                found.update(mount.parent for mount in Path("/sys/fs/cgroup").glob(f".{path}/cgroup.procs"))
    return sorted(found)


def listening(node: LiveNode) -> int:
    """The process that serves the API: it holds the listening socket."""
    inode = next(
        fields[9]
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]
        if (fields := line.split())[3] == "0A" and int(fields[1].split(":")[1], 16) == node.port
    )
    for pid in node.processes():
        for link in Path(f"/proc/{pid}/fd").iterdir():
            try:
                if os.readlink(link) == f"socket:[{inode}]":
                    return pid
            except OSError:
                continue
    raise AssertionError("nobody listens")


def with_sandbox_below(node: LiveNode) -> int:
    """The invoker's process: the actions are below it."""
    actors = set(_actors(node))
    for pid in actors:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        if any(int(child) not in actors for child in children):
            return pid
    raise AssertionError("no process has sandboxes")


def answers_soon(node: LiveNode) -> None:
    def works() -> bool:
        try:
            return node.invoke("slow", {"s": 0}).status == 200
        except OSError:
            return False

    node.wait_until(works, "the node answers calls again", 60)


class InBackground:
    """One call in a thread; its reply, or the error of its connection."""

    def __init__(self, call: Callable[[], Reply]) -> None:
        self.reply: Reply | None = None
        self.error: OSError | None = None
        self._thread = threading.Thread(target=self._run, args=(call,))
        self._thread.start()

    def _run(self, call: Callable[[], Reply]) -> None:
        try:
            self.reply = call()
        except OSError as error:
            self.error = error

    def wait(self) -> Reply | None:
        self._thread.join(90)
        assert not self._thread.is_alive()
        return self.reply


def test_the_invoker_is_killed_while_a_call_runs(node: LiveNode) -> None:
    node.deploy("slow", SLOW)
    node.invoke("slow", {"s": 0})
    call = InBackground(lambda: node.invoke("slow", {"s": 20}))
    time.sleep(0.5)
    os.kill(with_sandbox_below(node), signal.SIGKILL)
    reply = call.wait()
    assert reply is not None
    assert reply.status == 500
    assert "The process of the invoker ended" in reply.json["response"]["result"]["error"]
    assert node.record(reply.json["activationId"])["response"]["status"] == "whisk internal error"
    answers_soon(node)


def test_the_controller_is_killed_and_every_accepted_call_has_a_record(node: LiveNode) -> None:
    node.deploy("slow", SLOW)
    accepted = [node.invoke("slow", {"s": 0.2}, "blocking=false").json["activationId"] for _ in range(20)]
    os.kill(listening(node), signal.SIGKILL)
    answers_soon(node)
    for activation_id in accepted:
        record = node.record(activation_id)
        assert record["response"]["status"] in ("success", "whisk internal error")
        if not record["response"]["success"]:
            assert "accepted and lost" in record["response"]["result"]["error"]


@pytest.mark.timeout(240)
def test_every_process_of_the_node_is_killed_in_turn(node: LiveNode) -> None:
    node.deploy("slow", SLOW)
    assert node.process is not None
    roles = len(_actors(node))
    for number in range(roles - 1):
        answers_soon(node)
        pids = [pid for pid in _actors(node) if pid != node.process.pid]
        os.kill(pids[number % len(pids)], signal.SIGKILL)
        replaced(node, pids[number % len(pids)], roles)
    answers_soon(node)


def replaced(node: LiveNode, killed: int, roles: int) -> None:
    """Waits until all roles are there again; those below a killed process may serve a moment before they end."""

    def there() -> bool:
        actors = _actors(node)
        return killed not in actors and len(actors) >= roles

    node.wait_until(there, "all roles are there again", 60)


def _actors(node: LiveNode) -> list[int]:
    """The node's own processes, without those of its actions."""
    found = []
    for pid in node.processes():
        try:
            if b"standalone" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(pid)
        except OSError:
            continue
    return found


def test_sandboxes_are_killed_while_calls_run(node: LiveNode) -> None:
    node.deploy("slow", SLOW)
    node.invoke("slow", {"s": 0})
    call = InBackground(lambda: node.invoke("slow", {"s": 20}))
    time.sleep(0.5)
    for pid in node.sandboxes():
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    reply = call.wait()
    assert reply is not None
    assert (reply.status, reply.json["response"]["status"]) == (502, "action developer error")
    assert node.invoke("slow", {"s": 0}).status == 200


@pytest.mark.timeout(240)
def test_500_accepted_calls_survive_the_death_of_the_whole_node(node: LiveNode) -> None:
    node.deploy("quick", "def main(args):\n    return {}")
    accepted: list[str] = []

    def call(_: int) -> None:
        try:
            reply = node.invoke("quick", {}, "blocking=false")
        except OSError:
            return
        if reply.status == 202:
            accepted.append(reply.json["activationId"])

    with ThreadPoolExecutor(16) as pool:
        done = pool.map(call, range(500))
        node.wait_until(lambda: len(accepted) >= 100, "100 calls are accepted", 60)
        for pid in node.processes():
            os.kill(pid, signal.SIGKILL)
        list(done)
    assert len(accepted) >= 100
    node.start()
    try:
        node.wait_until(lambda: node.api("GET", "/activations?limit=1").status == 200, "answers", 30)
    finally:
        node.stop()
    with sqlite3.connect(node.data / "store.db") as store:
        kept = [row[0] for row in store.execute("select id from activation")]
        unfinished = store.execute("select count(*) from acceptance").fetchone()[0]
    assert set(accepted) <= set(kept)
    assert len(kept) == len(set(kept))
    assert unfinished == 0


@pytest.mark.timeout(240)
def test_1000_calls_at_once_with_room_for_eight() -> None:
    with LiveNode("--set", "containers.user_memory=2 GB", "--set", "containers.prewarm=false") as node:
        node.deploy("work", "import time\ndef main(args):\n    time.sleep(0.01)\n    return {'n': args['n']}")
        most = 0
        stop = threading.Event()

        def watch() -> None:
            nonlocal most
            while not stop.wait(0.05):
                most = max(most, sum(path.is_dir() for path in (node.data / "sandboxes").glob("*/*")))

        watcher = threading.Thread(target=watch)
        watcher.start()
        with ThreadPoolExecutor(100) as pool:
            replies = list(pool.map(lambda n: node.invoke("work", {"n": n}, "blocking=true&result=true"), range(1000)))
        stop.set()
        watcher.join()
        assert [reply.json.get("n") for reply in replies] == list(range(1000))
        assert 1 <= most <= 8


def test_stopping_leaves_nothing() -> None:
    node = LiveNode("--set", "containers.prewarm=false").start()
    try:
        node.deploy("slow", SLOW)
        node.invoke("slow", {"s": 0})
        sandboxes = node.sandboxes()
        assert sandboxes
        groups = control_groups(sandboxes)
        begun = time.monotonic()
        assert node.stop() == 0
        assert time.monotonic() - begun < 15
        assert node.processes() == []
        assert [group for group in groups if group.exists()] == []
        assert [pid for pid in sandboxes if Path(f"/proc/{pid}").exists()] == []
        assert list((node.data / "sandboxes").glob("*/*")) == []
    finally:
        node.close()


def test_a_running_call_is_answered_before_the_node_stops() -> None:
    with LiveNode("--set", "containers.prewarm=false") as node:
        node.deploy("slow", SLOW)
        node.invoke("slow", {"s": 0})
        call = InBackground(lambda: node.invoke("slow", {"s": 1}))
        time.sleep(0.3)
        assert node.stop() == 0
        reply = call.wait()
        assert reply is not None
        assert reply.status == 200


def test_what_a_killed_node_left_is_removed_by_the_next_one() -> None:
    with LiveNode("--set", "containers.prewarm=false") as node:
        node.deploy("slow", SLOW)
        node.invoke("slow", {"s": 0})
        for pid in node.processes():
            os.kill(pid, signal.SIGKILL)
        node.wait_until(lambda: not node.processes(), "all processes are gone")
        node.start()
        assert node.invoke("slow", {"s": 0}).status == 200
        folders = list((node.data / "sandboxes").iterdir())
        assert len(folders) == 1


def _a_file_for_the_folder(folder: Path) -> None:
    (folder / "data").write_text("a file")


def _no_database(folder: Path) -> None:
    (folder / "data").mkdir()
    (folder / "data" / "store.db").write_text("no database")


@pytest.mark.parametrize(
    ("arrange", "text"),
    [
        (lambda folder: (folder / "data").write_text("a file"), "data"),
        (
            lambda folder: (folder / "data").mkdir() or (folder / "data" / "store.db").write_text("no database"),
            "store.db",
        ),
    ],
    ids=["the data folder is a file", "the store is damaged"],
)
def test_a_start_that_cannot_be_is_one_sentence(tmp_path: Path, arrange: Callable[[Path], object], text: str) -> None:
    arrange(tmp_path)
    ended = _start(tmp_path)
    assert ended.returncode not in (0, None)
    assert text in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_taken_port_is_one_sentence(tmp_path: Path, node: LiveNode) -> None:
    ended = _start(tmp_path, "--port", str(node.port))
    assert ended.returncode not in (0, None)
    assert str(node.port) in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_data_folder_in_use_is_one_sentence(node: LiveNode) -> None:
    ended = _start(node.folder)
    assert ended.returncode not in (0, None)
    assert "Traceback" not in ended.stderr
    assert node.request("GET", "/ping").status == 200


def _start(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    import sys

    command = [sys.executable, "-m", "owactors.cli", "standalone", "--data-dir", str(folder / "data"), "--port", "0"]
    return subprocess.run([*command, *options], capture_output=True, text=True, timeout=60)


def test_garbage_does_no_harm(node: LiveNode) -> None:
    import socket

    for garbage in (
        b"\x00" * 5000,
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
        b"\xff\xfe\r\n",
    ):
        with socket.create_connection(("127.0.0.1", node.port), timeout=10) as connection:
            connection.sendall(garbage)
            connection.settimeout(1)
            try:
                connection.recv(1000)
            except OSError:
                pass
    for body in (b"[", b"\xff", b"{" * 10000, json.dumps("x" * 2_000_000).encode()):
        assert 400 <= node.api("PUT", "/actions/bad", body).status < 500
    assert node.request("GET", "/ping").status == 200
