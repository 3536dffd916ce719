"""Wires of containers that an engine left when it was killed (see also test_docker_restart.py)."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from owactors.container.docker.wire import device_of, unplug
from owactors.container.network.netlink import Netlink


@pytest.fixture
def wired() -> Iterator[int]:
    """A process in a network of its own whose eth0 is joined by a wire to a device of this machine."""
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    command = "ip link set lo up; echo; read go; ip link set eth0 up; echo; read go"
    with subprocess.Popen(
        ["unshare", "--net", "sh", "-c", command], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdout.readline()
            with Path(f"/proc/{process.pid}/ns/net").open("rb") as space, Netlink() as kernel:
                kernel.add_pair(f"vethow{process.pid}"[:15], "eth0", space.fileno())
            process.stdin.write(b"\n")
            process.stdin.flush()
            process.stdout.readline()
            yield process.pid
        finally:
            process.kill()


def test_a_wire_is_found_by_its_other_end(wired: int) -> None:
    """And removed, once."""
    index = device_of(wired)
    assert index is not None
    wires = {name for name in os.listdir("/sys/class/net") if name == f"vethow{wired}"[:15]}
    assert len(wires) == 1
    assert unplug(index)
    assert not wires & set(os.listdir("/sys/class/net"))
    assert not unplug(index)


def test_who_has_none() -> None:
    """Is left alone."""
    assert device_of(0) is None
    assert not unplug(2**31 - 1)
    assert Path("/sys/class/net/lo").exists()
