"""The wire between a container's network and the engine's bridge, which an engine that was killed does not take away.

The network namespace of a container that has ended may live on for a minute: for the ends of its connections, or since
a program has a copy of the engine's mounts. It then goes on answering for its address, which the engine gives to the
next container. Works where the engine is on this machine and we are root, and does nothing elsewhere.
"""

from __future__ import annotations

import logging
from pathlib import Path

from owactors.container.network.netlink import Netlink

LOG = logging.getLogger(__name__)
DEVICE = "eth0"
"""The name that engines give it in a container."""
DEVICES = Path("/sys/class/net")


def device_of(pid: int) -> int | None:
    """The index of the network device of process `pid`, by what the kernel says of it; None if it has none."""
    try:
        lines = Path(f"/proc/{pid}/net/dev_mcast").read_text().splitlines() if pid > 0 else []
    except OSError:
        return None
    return next((int(fields[0]) for fields in map(str.split, lines) if fields[1] == DEVICE), None)


def unplug(index: int) -> bool:
    """Remove the wire whose other end has this index; False if there is none, or we may not."""
    names = [path.name for path in DEVICES.glob("veth*") if _other_end(path) == index]
    if len(names) != 1:
        return False
    try:
        with Netlink() as kernel:
            kernel.delete(names[0])
    except OSError as error:
        LOG.debug("the wire %s of a container that has ended stays: %s", names[0], error)
        return False
    LOG.info("removed the wire %s of a container that ended while the engine was away", names[0])
    return True


def _other_end(path: Path) -> int:
    try:
        return int((path / "iflink").read_text())
    except (OSError, ValueError):
        return -1
