"""Podman for tests, beside whatever Podman the machine has: own folders, own bridge, no rules of a firewall."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

TOUCHES = "it would change this machine's firewall; set OWACTORS_TEST_PODMAN to the address of its socket"


def podman_host(folder: Path) -> Iterator[str]:
    """The address that OWACTORS_TEST_PODMAN names, or of an engine that is started. Skips without one, in CI too: it is
    a second engine.
    """
    given = os.environ.get("OWACTORS_TEST_PODMAN", "")
    if given:
        yield given
        return
    reason = unfit()
    if reason:
        pytest.skip(f"no podman here: {reason}")
    with bridge(folder) as network, running(folder, network) as host:
        yield host


def unfit() -> str:
    """Why none can be started here; empty if it can."""
    if shutil.which("podman") is None:
        return "it is not installed"
    if os.geteuid() != 0:
        return "a node reaches its containers as root only"
    if shutil.which("ip") is None:
        return "iproute2 is not installed"
    told = subprocess.run(
        ["podman", "info", "--format", "{{.Host.NetworkBackend}}"], capture_output=True, text=True, timeout=60
    )
    if told.returncode != 0:
        return told.stderr.strip().rpartition("\n")[2]
    return "" if told.stdout.strip() == "cni" else f"with {told.stdout.strip()} {TOUCHES}"


@contextlib.contextmanager
def bridge(folder: Path) -> Iterator[Path]:
    """A network in which this machine reaches containers, and nobody goes further; the folder that says so."""
    number = zlib.crc32(str(folder).encode())
    name, subnet = f"owp{number % 100000}", f"10.{190 + number % 2}.{number // 50 % 250}"
    place = {"type": "host-local", "ranges": [[{"subnet": f"{subnet}.0/24"}]], "dataDir": str(folder / "addresses")}
    plugin = {"type": "bridge", "bridge": name, "ipam": place}
    network = folder / "network"
    network.mkdir()
    (network / "podman.conflist").write_text(json.dumps({"cniVersion": "0.4.0", "name": "podman", "plugins": [plugin]}))
    _ip("link", "add", name, "type", "bridge")
    try:
        _ip("addr", "add", f"{subnet}.1/24", "dev", name)
        _ip("link", "set", name, "up")
        yield network
    finally:
        _ip("link", "del", name)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, timeout=30)


@contextlib.contextmanager
def running(folder: Path, network: Path) -> Iterator[str]:
    """The address of an engine; nothing of it is left."""
    socket = folder / "podman.sock"
    # Its usual runtime, crun, refuses machines with control groups of both versions.
    runtime = ["--runtime", "runc"] if shutil.which("runc") else []
    command = [
        *("podman", *runtime, "--cgroup-manager", "cgroupfs", "--root", str(folder / "root")),
        *("--runroot", str(folder / "run"), "--network-config-dir", str(network)),
    ]
    with (folder / "log").open("wb") as log:
        service = subprocess.Popen([*command, "system", "service", "--time=0", f"unix://{socket}"], stderr=log)
    with service:
        try:
            deadline = time.monotonic() + 60
            while not socket.exists():
                if service.poll() is not None or time.monotonic() > deadline:
                    pytest.skip(f"no podman here: {(folder / 'log').read_text().strip().rpartition(chr(10))[2]}")
                time.sleep(0.05)
            yield f"unix://{socket}"
        finally:
            service.terminate()
            service.wait()
            subprocess.run([*command, "rm", "--all", "--force", "--time", "0"], capture_output=True, timeout=120)
            subprocess.run([*command, "unmount", "--all", "--force"], capture_output=True, timeout=60)
            _forget(folder)


def _forget(folder: Path) -> None:
    """Its storage keeps a mount of itself."""
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for mount in sorted((mount for mount in mounts if mount.startswith(f"{folder}/")), reverse=True):
        subprocess.run(["umount", "--lazy", mount], check=True, timeout=30)
    for name in ("root", "run"):
        shutil.rmtree(folder / name)
