"""TLS between hosts, if the capabilities name certificates: below the frames, which stay as they are.

Both ends show a certificate of the same authority. A TlsSocket behaves like a non-blocking socket.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from owactors.actorbase.keys import BadKeyFile

CERTIFICATE: Final = "TLS Certificate"
PRIVATE_KEY: Final = "TLS Key"
AUTHORITY: Final = "TLS Authority"
RECORD: Final = 16 << 10
"""Largest record: with so much room none is left over inside of TLS, where no poll would see it."""


@dataclass(frozen=True)
class Tls:
    """Contexts for the side that accepts and the side that connects."""

    server: ssl.SSLContext
    client: ssl.SSLContext

    @classmethod
    def of(cls, capabilities: Mapping[str, Any]) -> Tls | None:
        """From the three files; None if none is named. ValueError, BadKeyFile, OSError, ssl.SSLError."""
        files = [capabilities.get(name) for name in (CERTIFICATE, PRIVATE_KEY, AUTHORITY)]
        if not any(files):
            return None
        if not all(files):
            raise ValueError(f"{CERTIFICATE}, {PRIVATE_KEY} and {AUTHORITY} must be given together")
        certificate, key, authority = map(str, files)
        _check_private(key)
        contexts = [ssl.SSLContext(kind) for kind in (ssl.PROTOCOL_TLS_SERVER, ssl.PROTOCOL_TLS_CLIENT)]
        for context in contexts:
            context.minimum_version = ssl.TLSVersion.TLSv1_3
            context.check_hostname = False  # actors know addresses, not names: the authority and the key decide
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_cert_chain(certificate, key)
            context.load_verify_locations(authority)
        contexts[0].num_tickets = 0
        return cls(*contexts)


def _check_private(path: str) -> None:
    if stat.S_IMODE(os.stat(path).st_mode) & 0o077:
        raise BadKeyFile(f"{path} must have mode 0600")


class TlsSocket:
    """A connected socket with TLS on it. open() comes first; then send, recv and close as on any other."""

    def __init__(self, sock: socket.socket, tls: Tls, server_side: bool) -> None:
        self.family = sock.family
        context = tls.server if server_side else tls.client
        self._ssl = context.wrap_socket(sock, server_side=server_side, do_handshake_on_connect=False)
        self._loop: asyncio.AbstractEventLoop | None = None

    def open(
        self, loop: asyncio.AbstractEventLoop, opened: Callable[[TlsSocket], None], failed: Callable[[OSError], None]
    ) -> None:
        """Shake hands beside everything else; then one of the two is called, unless it is closed before."""
        self._loop, self._opened, self._failed = loop, opened, failed
        self._step()

    def _step(self) -> None:
        assert self._loop is not None
        descriptor = self.fileno()
        self._loop.remove_reader(descriptor)
        self._loop.remove_writer(descriptor)
        try:
            self._ssl.do_handshake()
        except ssl.SSLWantReadError:
            self._loop.add_reader(descriptor, self._step)
        except ssl.SSLWantWriteError:
            self._loop.add_writer(descriptor, self._step)
        except OSError as failure:
            self._failed(failure)
        else:
            self._opened(self)

    def version(self) -> str | None:
        """Of the protocol."""
        return self._ssl.version()

    def pending(self) -> int:
        """Bytes that were decrypted and not read: no poll tells of them."""
        return self._ssl.pending()

    def fileno(self) -> int:
        """As a socket has it."""
        return self._ssl.fileno()

    def send(self, data: bytes | memoryview) -> int:
        """As a socket has it. BlockingIOError, OSError."""
        try:
            return self._ssl.send(data)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise BlockingIOError from None

    def sendmsg(self, pieces: Sequence[bytes | memoryview]) -> int:
        """As a socket has it."""
        return self.send(b"".join(pieces))

    def recv(self, _: int) -> bytes:
        """Everything that is there, if it is not more than some records."""
        buffer = bytearray(4 * RECORD)
        size = self.recv_into(buffer)
        return bytes(memoryview(buffer)[:size])

    def recv_into(self, buffer: bytearray | memoryview) -> int:
        """As a socket has it; `pending()` is not 0 afterwards only if the buffer was short."""
        view, filled = memoryview(buffer), 0
        try:
            while not filled or len(view) - filled >= RECORD:
                size = self._ssl.recv_into(view[filled:])
                filled += size
                if not size:
                    break
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            if not filled:
                raise BlockingIOError from None
        return filled

    def close(self) -> None:
        """Without a farewell: the frames have their own order."""
        if self._loop is not None and self.fileno() >= 0 and not self._loop.is_closed():
            self._loop.remove_reader(self.fileno())
            self._loop.remove_writer(self.fileno())
        self._ssl.close()


Connection = socket.socket | TlsSocket
