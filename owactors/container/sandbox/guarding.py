"""Whether the guard of the network works here: found out by a process that tries what is forbidden, before it is said
that it is.
"""

from __future__ import annotations

import itertools
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from owactors.container.network.guard import Guard, GuardFailed
from owactors.container.sandbox.cgroup import PREFIX, CgroupLayout, tree_of

TRIAL = """
import sys, _socket
def listening(kind):
    sock = _socket.socket(_socket.AF_INET, kind)
    sock.bind(("127.0.0.1", 0))
    return sock
with open(sys.argv[1], "w") as file:
    file.write("0")
own, server = listening(_socket.SOCK_DGRAM), listening(_socket.SOCK_STREAM)
server.listen(1)
own.sendto(b"x", own.getsockname())
_socket.socket(_socket.AF_INET, _socket.SOCK_STREAM).connect(server.getsockname())
try:
    own.sendto(b"x", ("127.0.0.1", int(sys.argv[2])))
except PermissionError:
    pass
else:
    sys.exit("a socket of this machine could be reached all the same")
if sys.argv[3]:
    eager = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
    eager.setblocking(False)
    try:
        eager.connect(("127.0.0.1", int(sys.argv[3])))
    except PermissionError:
        sys.exit(0)
    except BlockingIOError:
        pass
    sys.exit("a connection was not refused at once")
"""
SECONDS = 10.0
_NUMBERS = itertools.count()


def guarded(layout: CgroupLayout, ports: tuple[int, ...]) -> tuple[CgroupLayout, Guard]:
    """The layout with groups of version 2 for all sandboxes, and the guard of their sockets. Blocks for some hundredths
    of a second. Raises GuardFailed.
    """
    parent = tree_of(layout)
    if parent is None:
        raise GuardFailed("there is no control group of version 2 in which groups can be made")
    guard = Guard.make(ports)
    try:
        _try_both(guard, parent)
    except (OSError, subprocess.SubprocessError) as error:
        guard.close()
        raise GuardFailed(str(error)) from error
    except GuardFailed:
        guard.close()
        raise
    return layout.with_tree(parent), guard


def _try_both(guard: Guard, parent: Path) -> None:
    """First as it is; if that does not work, without what refuses at once."""
    if not guard.silent:
        try:
            return _try(guard, parent)
        except (OSError, subprocess.SubprocessError, GuardFailed) as error:
            guard.be_silent(str(error))
    _try(guard, parent)


def _try(guard: Guard, parent: Path) -> None:
    with (
        _group(parent) as group,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as foreign,
        socket.create_server(("127.0.0.1", 0)) as server,
    ):
        guard.watch(group)
        foreign.bind(("127.0.0.1", 0))
        ports = str(foreign.getsockname()[1]), "" if guard.silent else str(server.getsockname()[1])
        done = subprocess.run(
            [sys.executable, "-S", "-E", "-c", TRIAL, str(group / "cgroup.procs"), *ports],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            env={},
        )
    if done.returncode:
        raise GuardFailed(f"the trial failed: {done.stderr.strip().rpartition(chr(10))[2] or done.returncode}")


@contextmanager
def _group(parent: Path) -> Iterator[Path]:
    path = parent / f"{PREFIX}trial-{os.getpid()}-{next(_NUMBERS)}"
    path.mkdir()
    try:
        yield path
    finally:
        deadline = time.monotonic() + SECONDS
        while path.exists() and time.monotonic() < deadline:
            try:
                path.rmdir()
            except OSError:
                time.sleep(0.005)
