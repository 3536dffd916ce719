"""An HTTP server on the process's own asyncio loop, for the actor that hosts the API."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import ssl
from collections.abc import Iterator
from typing import Any

import uvicorn

from owactors.actor.openfiles import user_of

BACKLOG = 2048
KEEP_ALIVE_SECONDS = 75


class PortTaken(Exception):
    """The address cannot be listened on; the message says why and what to do."""


def listening_socket(host: str, port: int) -> socket.socket:
    """A bound socket; port 0 picks a free one. Raises PortTaken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # accepted connections inherit it; asyncio sets it only on sockets that it made itself
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        made.bind((host, port))
        made.listen(BACKLOG)
    except OSError as error:
        made.close()
        reason = f"cannot listen on {host}:{port}: {error.strerror or error}"
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(
                f"{reason}. It is used by {user_of(port)}: choose another port with --port, or stop that program."
            ) from error
        raise PortTaken(f"{reason}. Choose another address with --host, or another port with --port.") from error
    return made


class _Server(uvicorn.Server):
    """Without signal handlers: the actor system decides when the process ends."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class HttpServer:
    """Serves an ASGI application on a listening socket until it is stopped; by HTTPS if there is a `tls`."""

    def __init__(self, app: Any, listening: socket.socket, tls: ssl.SSLContext | None = None) -> None:
        self._socket = listening
        config = uvicorn.Config(
            app,
            loop="none",
            http="httptools",
            ws="none",
            interface="asgi3",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            backlog=BACKLOG,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
        )
        config.load()
        config.ssl = tls
        self._server = _Server(config)

    @property
    def port(self) -> int:
        """The port that is really listened on."""
        return int(self._socket.getsockname()[1])

    async def serve(self) -> None:
        """Serve until stop() or cancellation; closes the socket."""
        try:
            await self._server.serve(sockets=[self._socket])
        except asyncio.CancelledError:
            self._server.force_exit = True
            await self._server.shutdown(sockets=[self._socket])
            raise
        finally:
            self._socket.close()

    def stop(self, seconds: float = 3.0) -> None:
        """Accept nothing more; what is under way has so many seconds to finish, then its task is cancelled."""
        self._server.config.timeout_graceful_shutdown = max(1, int(seconds))
        self._server.should_exit = True
