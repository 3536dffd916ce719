"""Sockets of a process: where it listens, how it connects, who is allowed."""

from __future__ import annotations

import os
import socket
import stat
import struct
from collections.abc import Callable

from owactors.actorbase.addresses import LOOPBACK, family_of
from owactors.actorbase.limits import KEEPALIVE, USER_TIMEOUT_MS

BACKLOG = 512
LONGEST_PATH = 100
CREDENTIALS = struct.Struct("3i")


class ForeignPeer(Exception):
    """The process at the other end of a unix socket belongs to another user."""


def make_folder(path: str) -> str:
    """The folder for sockets and key, made with mode 0700 if missing. PermissionError if it is not safe."""
    os.makedirs(path, mode=0o700, exist_ok=True)
    status = os.lstat(path)
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        raise PermissionError(f"{path} is not a folder of this user")
    if stat.S_IMODE(status.st_mode) & 0o022:
        raise PermissionError(f"{path} can be written by others: it must have mode 0700")
    return path


def unix_path(folder: str, port: int) -> str:
    """The socket file of the process with this port; short enough for the kernel."""
    return os.path.join(folder, f"{port}.sock")


class Listening:
    """The listening sockets of one process; made by its parent, so that its address is known before it runs."""

    def __init__(self, folder: str, port: int = 0, bind: str = LOOPBACK, tcp: bool = False) -> None:
        self.tcp = _reserve(bind, port, tcp)
        self.port: int = self.tcp.getsockname()[1]
        self.path: str = unix_path(folder, self.port)
        self._serves_tcp = tcp
        self.unix = _listen_unix(folder, self.path)

    def sockets(self) -> list[socket.socket]:
        """Those on which connections come in."""
        return [self.unix, self.tcp] if self._serves_tcp else [self.unix]

    def descriptors(self) -> set[int]:
        return {self.unix.fileno(), self.tcp.fileno()}

    def release(self) -> None:
        """Close this process's copies; another process goes on with its own."""
        self.unix.close()
        self.tcp.close()

    def close(self) -> None:
        """The process ends: also remove the socket file."""
        try:
            os.unlink(self.path)
        except OSError:
            pass  # removed with its folder
        self.release()


def _reserve(bind: str, port: int, listen: bool) -> socket.socket:
    """A bound TCP port makes the process's number unique on the host, also where nobody listens on it."""
    tcp = socket.socket(family_of(bind), socket.SOCK_STREAM)
    try:
        if listen:
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        tcp.bind((bind, port))
        if listen:
            tcp.listen(BACKLOG)
        tcp.setblocking(False)
    except OSError:
        tcp.close()
        raise
    return tcp


def _listen_unix(folder: str, path: str) -> socket.socket:
    """Under its name only when it listens: what refuses under such a name belongs to a dead process (see sweep)."""
    fresh = f"{path}.new"
    try:
        os.unlink(fresh)  # of a dead process: the port is ours now
    except FileNotFoundError:
        pass
    unix = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    _with_short_path(folder, fresh, unix.bind)
    # nobody can connect before listen(); a changed umask would be seen by every thread of the process
    os.chmod(fresh, 0o600)
    unix.listen(BACKLOG)
    unix.setblocking(False)
    os.rename(fresh, path)
    return unix


def _with_short_path(folder: str, path: str, call: Callable[[str], None]) -> None:
    """bind() or connect() takes about 100 bytes; a longer path goes through the folder's descriptor."""
    if len(path) <= LONGEST_PATH:
        call(path)
        return
    descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    try:
        call(f"/proc/self/fd/{descriptor}/{os.path.basename(path)}")
    finally:
        os.close(descriptor)


def connect_unix(folder: str, port: int) -> socket.socket:
    """A connected non-blocking socket. FileNotFoundError or ConnectionRefusedError if nobody is there."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        _with_short_path(folder, unix_path(folder, port), sock.connect)
        check_user(sock)
    except BaseException:
        sock.close()
        raise
    return sock


def start_connect_tcp(host: str, port: int) -> tuple[socket.socket, int]:
    """A socket that is connecting, and the errno of connect_ex."""
    sock = socket.socket(family_of(host), socket.SOCK_STREAM)
    sock.setblocking(False)
    tune(sock)
    return sock, sock.connect_ex((host, port))


def check_user(sock: socket.socket) -> None:
    """ForeignPeer unless the process at the other end runs as our user."""
    raw = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size)
    _, user, _ = CREDENTIALS.unpack(raw)
    if user != os.geteuid():
        raise ForeignPeer(f"user {user}")


def tune(sock: socket.socket) -> None:
    """No Nagle; the kernel notices a vanished host by itself."""
    idle, interval, probes = KEEPALIVE
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, idle)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, interval)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, probes)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)


def sweep(folder: str) -> int:
    """Remove the socket files of dead processes; how many. The folder may be gone."""
    removed = 0
    for name in os.listdir(folder) if os.path.isdir(folder) else ():
        port = name.removesuffix(".sock")
        if name == port or not port.isdigit():
            continue
        try:
            connect_unix(folder, int(port)).close()
        except ConnectionRefusedError:
            os.unlink(os.path.join(folder, name))
            removed += 1
        except OSError:
            pass  # gone by itself, or alive and busy
    return removed
