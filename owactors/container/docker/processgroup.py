"""The control groups that the engine has put a container into, where this process may use them."""

from __future__ import annotations

import os
from pathlib import Path

from owactors.container.sandbox.cgroup import ControlGroup, groups_of_process, mount_points


def groups_of(pid: int, id: str) -> ControlGroup | None:
    """Freezer and memory group of process `pid`; None if the engine is elsewhere or we are not root.

    The path is read from the kernel and never composed: the engine's cgroup driver decides on it. It must name the
    container, for the process of an engine on another machine may be anybody's here.
    """
    if pid <= 0 or not os.access(f"/proc/{pid}/cgroup", os.R_OK):
        return None
    groups, points = groups_of_process(pid), mount_points()
    version = 1 if "freezer" in points else 2
    folders: dict[str, Path] = {}
    for controller, file in (("freezer", "freezer.state"), ("memory", "memory.oom_control")):
        key = controller if version == 1 else ""
        if key not in points or id not in groups.get(key, ""):
            continue
        folder = points[key] / groups[key].strip("/")
        if os.access(folder / (file if version == 1 else "cgroup.freeze"), os.W_OK):
            folders[controller] = folder
    return ControlGroup(version, folders) if folders else None
