"""Freezing the processes of a container without holding up anything else meanwhile."""

from __future__ import annotations

import asyncio
import time

from owactors.container.sandbox.cgroup import ControlGroup

#: seconds: a process freezes at its next turn on a processor, and on a busy machine it may have to wait for that
PATIENCE = 1.0
AT_ONCE, REST = 0.005, 0.01


async def freeze(group: ControlGroup) -> bool:
    """Freeze every process; False, with all of them thawed again, if that did not happen in time."""
    deadline = time.monotonic() + PATIENCE
    while not group.freeze(AT_ONCE):
        if time.monotonic() > deadline:
            group.thaw()
            return False
        await asyncio.sleep(REST)
    return True
