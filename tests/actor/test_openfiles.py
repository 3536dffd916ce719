import fcntl
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from owactors.actor.httpserver import PortTaken, listening_socket
from owactors.actor.openfiles import described, locked_by, user_of

LOCKS = (
    "import fcntl, sys; f = open(sys.argv[1]); fcntl.flock(f, fcntl.LOCK_EX); print(1, flush=True); sys.stdin.read()"
)
READS = "import sys; f = open(sys.argv[1]); print(1, flush=True); sys.stdin.read()"
LISTENS = (
    "import socket, sys; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True); "
    "sys.stdin.read()"
)


def begun(code: str, *arguments: str) -> tuple["subprocess.Popen[bytes]", bytes]:
    """A process that has said its first line, and that line."""
    process = subprocess.Popen([sys.executable, "-c", code, *arguments], stdin=-1, stdout=-1)
    assert process.stdout is not None
    return process, process.stdout.readline()


def test_who_locks_a_file_is_told_from_who_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.touch()
    locker, _ = begun(LOCKS, str(path))
    reader, _ = begun(READS, str(path))
    with locker, reader:
        assert locked_by(path) == [locker.pid]
        locker.communicate()
        assert locked_by(path) == []
        reader.communicate()
    with path.open() as own:
        fcntl.flock(own, fcntl.LOCK_EX)
        assert locked_by(path) == []


def test_a_port_that_is_taken_names_who_has_it() -> None:
    other, line = begun(LISTENS)
    with other:
        port = int(line)
        assert user_of(port) == described(other.pid)
        with pytest.raises(PortTaken, match=rf"It is used by process {other.pid} \(.+\): choose another port"):
            listening_socket("127.0.0.1", port)
        other.communicate()
    assert str(os.getpid()) not in user_of(port)


def test_an_address_of_somebody_else_is_refused_with_what_to_do() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(PortTaken, match="Choose another address"):
        listening_socket("203.0.113.1", port)
