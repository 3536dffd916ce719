"""Limits around whatever a test lets loose, so that a hole in our own limits fails the test and not the machine."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from owactors.container.docker.container import DockerContainer
from owactors.container.port import Container
from owactors.container.sandbox import cgroup

MOST_PROCESSES = 900
MOST_MEMORY = 3 << 30


@contextlib.contextmanager
def around_ourselves() -> Iterator[dict[str, Path]]:
    """This process in control groups of its own: sandboxes are made below them. Their folders; none without rights."""
    own, points = cgroup.groups_of_process("self"), cgroup.mount_points()
    groups: dict[str, Path] = {}
    for controller in ("pids", "memory"):
        if controller in points:
            group = points[controller] / own.get(controller, "/").strip("/") / f"owactors-outer-{os.getpid()}"
            with contextlib.suppress(OSError):
                group.mkdir(exist_ok=True)
                limit(controller, group)
                (group / "cgroup.procs").write_text(str(os.getpid()))
                groups[controller] = group
    try:
        yield groups
    finally:
        for group in groups.values():
            (group.parent / "cgroup.procs").write_text(str(os.getpid()))
            _remove(group)


async def around_the_engine(container: Container) -> None:
    """The group in which an engine of ours has put this container and all others; nothing for a sandbox."""
    if not isinstance(container, DockerContainer):
        return
    pid = (await container._engine.inspect(container.id)).pid
    points = cgroup.mount_points()
    for controller, path in cgroup.groups_of_process(pid).items() if pid else ():
        parent = points[controller] / Path(path.strip("/")).parent if controller in points else None
        if controller in ("pids", "memory") and parent is not None and parent.name.startswith("owt"):
            limit(controller, parent)


def limit(controller: str, group: Path) -> None:
    """What everything in the group may take together."""
    file, value = ("pids.max", MOST_PROCESSES) if controller == "pids" else ("memory.limit_in_bytes", MOST_MEMORY)
    (group / file).write_text(str(value))


def _remove(group: Path) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            group.rmdir()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
