"""A node starts where an earlier one was killed: it ends and removes what that one left, and says so, a line each."""

import os
import signal
import socket
from pathlib import Path

import pytest

from tests.end_to_end.nodes import LiveNode, kill_at_once

FOUND = "found at the start, left by an earlier node: "
ECHO = "def main(args):\n    return args"


def kill(node: LiveNode) -> None:
    """The first process of the node, without a chance to clean up."""
    assert node.process is not None
    node.process.kill()
    node.process.wait()


def told(node: LiveNode) -> list[str]:
    """What the node that was started last found."""
    return [line.partition(FOUND)[2] for line in node.log.read_text().splitlines() if FOUND in line]


def works(node: LiveNode) -> None:
    node.deploy("echo", ECHO)
    reply = node.invoke("echo", {"n": 1})
    assert reply.status == 200, reply.body


def start_over(node: LiveNode) -> str:
    """Starts it again, and waits until it has ended what was left: that may still answer. What it said of that."""

    def ended() -> list[str]:
        assert node.process is not None
        assert node.process.poll() is None, node.log_text()
        return [each for each in told(node) if each.startswith("ended ")]

    node.launch()
    node.wait_until(ended, "what was left is ended")
    node.wait_until(node._answers, "answers")
    return ended()[0]


def admin_of(node: LiveNode) -> int:
    """The daemon: the one of its processes whose parent is none of them."""
    own = node.processes()
    assert node.process is not None
    parents = {pid: int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]) for pid in own}
    (admin,) = [pid for pid in own if parents[pid] not in own and pid != node.process.pid]
    return admin


def test_the_sockets_of_a_node_that_was_killed_are_removed() -> None:
    with LiveNode("--set", "containers.prewarm=false") as node:
        kill_at_once(node.processes())
        node.wait_until(lambda: not node.processes(), "all processes are gone")
        (boot,) = (node.data / "actors").iterdir()
        sockets = len(list(boot.glob("*.sock")))
        assert sockets >= 3
        node.start()
        works(node)
        assert f"removed {boot}, with {sockets} sockets of dead processes" in told(node)
        assert any("node.url: it was an earlier node's, which did not stop in order" in line for line in told(node))
        assert not boot.exists()
        assert node.stop() == 0
        assert not (node.data / "actors").exists()


def test_an_admin_that_survived_its_node_is_ended() -> None:
    with LiveNode("--set", "containers.prewarm=false") as node:
        admin = admin_of(node)
        os.kill(admin, signal.SIGSTOP)  # it cannot take notice of the end
        kill(node)
        line = start_over(node)
        works(node)
        assert admin not in node.processes()
        assert f"process {admin} (" in line
        assert "by force" in line


def test_the_actors_of_a_stock_base_are_ended_which_outlive_their_node() -> None:
    with LiveNode("--set", "containers.prewarm=false", "--set", "actors.base=multiprocTCPBase") as node:
        works(node)
        kill(node)
        survivors = node.processes()
        assert len(survivors) >= 4
        line = start_over(node)
        works(node)
        assert all(f"process {pid} (" in line for pid in survivors)
        assert not set(survivors) & set(node.processes())
        assert node.stop() == 0
        node.wait_until(lambda: not node.processes(), "all processes are gone")


def test_a_foreign_program_on_the_port_is_named_and_left_alone() -> None:
    with socket.create_server(("127.0.0.1", 0)) as foreign:
        node = LiveNode()
        node.port = foreign.getsockname()[1]
        try:
            with pytest.raises(AssertionError, match="ended with code"):
                node.start()
            assert f"port {node.port} is in use on 127.0.0.1 by process {os.getpid()} (" in node.log_text()
            assert "take another port with --port" in node.log_text()
            assert node.processes() == []
        finally:
            node.close()


def test_a_second_node_on_the_same_folder_does_no_harm_to_the_first() -> None:
    with LiveNode("--set", "containers.prewarm=false") as node:
        second = LiveNode(folder=node.folder)
        second.log = node.folder / "second.log"
        with pytest.raises(AssertionError, match="in use by another node"):
            second.start()
        works(node)
        assert node.stop() == 0
