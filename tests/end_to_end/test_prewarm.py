"""Prewarmed containers follow demand, and those that do not come up are tried less and less often."""

from __future__ import annotations

import asyncio
import json
import re
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
SETTINGS = ("containers.prewarm_check_interval=1 s", "containers.idle_container=1 s")


def options(folder: Path, *settings: str, image: str = "action-python", **cell: Any) -> list[str]:
    """A node with one kind, of which so many containers are prewarmed."""
    manifest = {
        "kind": "python:3",
        "default": True,
        "image": {"prefix": "owactors", "name": image, "tag": "3"},
        "attached": {"attachmentName": "codefile", "attachmentType": "text/plain"},
        "stemCells": [{"initialCount": 1, "memory": "128 MB", **cell}],
    }
    path = folder / "runtimes.json"
    path.write_text(json.dumps({"runtimes": {"python": [manifest]}}))
    return ["--runtimes", str(path), *(word for each in settings for word in ("--set", each))]


@pytest.fixture
def engine() -> Iterator[str]:
    for host in docker_host():
        asyncio.run(load_images(host, ["python"]))
        yield host


def test_as_many_as_are_wanted_and_no_longer_than_they_are(tmp_path: Path) -> None:
    with LiveNode(*options(tmp_path, *SETTINGS, reactive=DEMAND)) as node, ThreadPoolExecutor(BURST) as pool:

        def prewarmed() -> int:
            """How many of some new actions that are called side by side meet a stem cell."""
            starts = pool.map(lambda _: first_start(node, memory=128), range(BURST))
            return sum(parts == PREWARMED for parts in starts)

        node.wait_until(lambda: prewarmed() >= CEILING, "a burst meets more than one stem cell", 90)

        def left() -> int:
            return sum(path.name.isdigit() for path in node.data.glob("sandboxes/*/*"))

        node.wait_until(lambda: left() == 1, "one stem cell is left", 60)


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
