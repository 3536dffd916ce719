"""The disk of a node is full for a while: it says so, loses no record, and heals by itself."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.nodes import LiveNode


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a few megabytes."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", disk], capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"no small file system here: {mounted.stderr.strip()}")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def fill(disk: Path) -> Path:
    """Takes all the space there is."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue
    return ballast


def test_a_full_disk(small_disk: Path) -> None:
    with LiveNode("--set", "containers.prewarm=false", folder=small_disk) as node:
        node.deploy("hello", "def main(args):\n    return {'n': args.get('n', 0), 'pad': 'x' * 20000}")
        assert node.invoke("hello").status == 200
        ballast = fill(small_disk)
        answered, refused = [], None
        for number in range(200):
            reply = node.invoke("hello", {"n": number}, "blocking=false")
            if reply.status == 202:
                answered.append(reply.json["activationId"])
            else:
                refused = reply
                break
        assert refused is not None, "the full disk was not noticed"
        assert refused.status == 503
        assert "disk" in refused.json["error"] or "full" in refused.json["error"], refused.body
        blocking = []
        for number in range(5):
            # a new container would need space, so the warm one has to be free
            node.wait_until(lambda: node.request("GET", "/activation/count").json == 0, "all calls have ended")
            blocking.append(node.invoke("hello", {"n": number}))
        assert [reply.status for reply in blocking] == [200] * 5
        ballast.unlink()
        node.wait_until(lambda: node.invoke("hello", {}, "blocking=false").status == 202, "accepts again", 30)
        for activation_id in [*answered, *(reply.json["activationId"] for reply in blocking)]:
            assert node.record(activation_id)["response"]["success"]
