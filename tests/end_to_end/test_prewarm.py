"""Prewarmed containers follow demand, and those that do not come up are tried less and less often."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from owactors.container.docker.build import load_images
from tests.container.engines import docker_host
from tests.end_to_end.nodes import LiveNode
from tests.end_to_end.starts import PREWARMED, first_start

#: cold starts in each burst are enough to reach the ceiling at the next look
CEILING, BURST = 2, 4
DEMAND = {"minCount": 1, "maxCount": CEILING, "ttl": "3 seconds", "threshold": 1, "increment": 1}
#: seconds; stem cells live longer, idle containers do not and leave them room
LOOK = 1.5
SETTINGS = ("containers.prewarm_check_interval=1 s", "containers.idle_container=1 s")


def options(
    folder: Path, *settings: str, image: str = "action-python", kind: str = "python:3", **cell: Any
) -> list[str]:
    """A node with Python, and so many prewarmed containers of a kind."""
    cells = {"stemCells": [{"initialCount": 1, "memory": "128 MB", **cell}]}
    families: dict[str, list[Any]] = {"python": [manifest("python:3", image)]}
    families.setdefault(kind.partition(":")[0], [manifest(kind, image)])[0].update(cells)
    path = folder / "runtimes.json"
    path.write_text(json.dumps({"runtimes": families}))
    return ["--runtimes", str(path), *(word for each in settings for word in ("--set", each))]


def manifest(kind: str, image: str) -> dict[str, Any]:
    return {
        "kind": kind,
        "default": True,
        "image": {"prefix": "owactors", "name": image, "tag": "3"},
        "attached": {"attachmentName": "codefile", "attachmentType": "text/plain"},
    }


@pytest.fixture
def engine() -> Iterator[str]:
    for host in docker_host():
        asyncio.run(load_images(host, ["python"]))
        yield host


def test_as_many_as_are_wanted_and_no_longer_than_they_are(tmp_path: Path) -> None:
    with LiveNode(*options(tmp_path, *SETTINGS, reactive=DEMAND)) as node, ThreadPoolExecutor(BURST) as pool:

        def prewarmed() -> int:
            """How many of some new actions that are called side by side meet a stem cell; there was a look before."""
            time.sleep(LOOK)
            starts = pool.map(lambda _: first_start(node, memory=128), range(BURST))
            return sum(parts == PREWARMED for parts in starts)

        node.wait_until(lambda: prewarmed() >= CEILING, "a burst meets more than one stem cell", 90)

        def left() -> int:
            return sum(path.name.isdigit() for path in node.data.glob("sandboxes/*/*"))

        node.wait_until(lambda: left() == 1, "one stem cell is left", 60)


@pytest.fixture
def slow_nodejs(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A node.js that never comes up. (What is in /tmp cannot be seen in a sandbox.)"""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        program = Path(folder, "bin", "node")
        program.parent.mkdir()
        program.write_text('#!/bin/sh\n[ "$1" = --version ] && echo v20.0.0 || sleep 1000\n')
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(program.parent), prepend=":")
        yield


def test_no_call_waits_for_one_that_is_being_made(tmp_path: Path, slow_nodejs: None) -> None:
    """A stem cell that never comes up has all the memory."""
    settings = ("containers.user_memory=128 MB", "sandbox.start_timeout=1000 s", "sandbox.zygote=false")
    words = options(tmp_path, *settings, kind="nodejs:20")
    with LiveNode(*words) as node:

        def making() -> int:
            return sum(b"sleep\0" in command for command in commands_below(node))

        node.wait_until(making, "makes a stem cell", 60)
        assert [first_start(node, memory=128)[0] for _ in range(2)] == ["wait", "wait"]
        node.wait_until(lambda: not making(), "has nothing left of the stem cell", 60)


def commands_below(node: LiveNode) -> list[bytes]:
    """The command lines of what its actions are."""
    found = []
    for pid in node.sandboxes():
        with contextlib.suppress(OSError):
            found.append(Path(f"/proc/{pid}/cmdline").read_bytes())
    return found


@pytest.mark.services
@pytest.mark.timeout(600)
def test_one_that_does_not_come_up_is_tried_less_and_less_often(engine: str, tmp_path: Path) -> None:
    settings = ("containers.backend=docker", f"docker.host={engine}")
    with LiveNode(*options(tmp_path, *settings, image="no-such-image")) as node:

        def tries() -> int:
            return len(re.findall("prewarm_python3 could not be made", node.log.read_text()))

        # Five at once, the next ones after 1, 2, 4 seconds.
        node.wait_until(lambda: tries() >= 7, "it was tried again", 60)
        assert tries() <= 8
        node.deploy("hello", "def main(args):\n    return {}")
        reply = node.invoke("hello")
        assert (reply.status, reply.json["response"]["status"]) == (500, "whisk internal error")
        assert "image 'owactors/no-such-image:3' is not on the engine" in reply.json["response"]["result"]["error"]
