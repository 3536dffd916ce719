"""A node in this process, once its address is known to be free."""

from __future__ import annotations

import errno
import socket
from pathlib import Path

from owactors.cli.failure import NO_NODE, Failure
from owactors.node.settings import Settings


def serve(settings: Settings) -> int:
    """Runs the node until it is stopped; its exit code. Failure if the address is not to be had."""
    check_address(settings.node.host, settings.node.port, settings.node.data_dir)
    from owactors.node import standalone as node

    return node.run(settings)


def check_address(host: str, port: int, data_dir: Path | None = None) -> None:
    """Failure with what to do if nobody can listen there. What is left of a node on this folder will be ended."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as problem:
            if problem.errno != errno.EADDRINUSE or data_dir is None or not _is_ours(data_dir, port):
                raise Failure(_why_not(host, port, problem), NO_NODE) from problem


def _is_ours(data_dir: Path, port: int) -> bool:
    from owactors.node.folder import serves

    return serves(data_dir, port)


def _why_not(host: str, port: int, problem: OSError) -> str:
    if problem.errno == errno.EADDRINUSE:
        from owactors.actor.openfiles import user_of

        by = user_of(port)
        return f"port {port} is in use on {host} by {by}; stop it, or take another port with --port (0: a free one)."
    if problem.errno == errno.EACCES:
        return f"this user may not listen on port {port}; take one above 1023 with --port."
    reason = (problem.strerror or str(problem)).lower()
    return f"{host} is no address of this machine to listen on ({reason}); see --host."
