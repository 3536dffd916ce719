"""A machine in a network namespace of its own, with another one beside it that is its outside world: in there the
private network of sandboxes can be tried without touching this machine's rules and routes.

`python -m tests.container.privatehost BACKEND FOLDER SCENE` plays a scene of tests.container.privatescenes in one, and
prints its result as JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Interface
from pathlib import Path
from typing import Any

from owactors.container.network.namespaces import inside, new_namespace
from owactors.container.network.netlink import Netlink

CHECKOUT = Path(__file__).resolve().parents[2]
OUTSIDE, HERE = IPv4Interface("198.51.100.1/24"), IPv4Interface("198.51.100.2/24")


def unfit() -> str:
    """Why this cannot be done here; empty if it can."""
    if os.geteuid() != 0:
        return "a private network needs root"
    if shutil.which("iptables-restore") is None and shutil.which("nft") is None:
        return "neither iptables nor nft is installed"
    return ""


def play(backend: str, folder: Path, scene: str) -> Any:
    """The result of a scene."""
    command = [sys.executable, "-m", __name__, backend, str(folder), scene]
    done = subprocess.run(["unshare", "--net", *command], capture_output=True, text=True, timeout=100, cwd=CHECKOUT)
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


@contextmanager
def world() -> Iterator[int]:
    """A descriptor of the outside's namespace, joined to ours by a wire."""
    outside = new_namespace()
    with Netlink() as kernel:
        kernel.set_up("lo")
        kernel.add_pair("up0", "eth0", outside)
        kernel.add_address("up0", HERE)
        kernel.set_up("up0")
    # A new namespace begins with what holds outside.
    Path("/proc/sys/net/ipv4/ip_forward").write_text("0")
    inside(outside, _furnish)
    try:
        yield outside
    finally:
        os.close(outside)


def _furnish() -> None:
    with Netlink() as kernel:
        kernel.set_up("lo")
        kernel.add_address("eth0", OUTSIDE)
        kernel.set_up("eth0")


@contextmanager
def listener(address: str, namespace: int | None = None) -> Iterator[int]:
    """Something that tells who connects where it came from; its port."""

    def bind() -> socket.socket:
        return socket.create_server((address, 0), family=socket.AF_INET6 if ":" in address else socket.AF_INET)

    server = bind() if namespace is None else inside(namespace, bind)

    def serve() -> None:
        while True:
            try:
                link, peer = server.accept()
            except OSError:
                return
            with link:
                link.sendall(peer[0].encode())

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield server.getsockname()[1]
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()


def main(backend: str, folder: str, scene: str) -> None:
    """See above."""
    from tests.container import privatescenes

    with world() as outside:
        print(json.dumps(asyncio.run(getattr(privatescenes, scene)(backend, Path(folder), outside))), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
