"""The answering side of a process: who may call, what was received from whom, what was acknowledged."""

from __future__ import annotations

import logging
import secrets
import socket
from collections import OrderedDict
from typing import Any

from owactors.actorbase.counters import COUNTERS
from owactors.actorbase.incoming import Incoming, Origin
from owactors.actorbase.limits import (
    ACK_EVERY,
    ACK_WITHIN,
    HANDSHAKE_WITHIN,
    MAX_CONNECTIONS,
    MAX_UNPROVEN,
    READ_CHUNK,
    REMEMBERED_PEERS,
)
from owactors.actorbase.protocol import INCARNATION, Hello
from owactors.actorbase.running import Running
from owactors.actorbase.sockets import ForeignPeer, Listening, check_user, tune
from owactors.actorbase.tls import Connection, Tls, TlsSocket

LOG = logging.getLogger(__name__)
ACCEPT_AT_ONCE = 64
#: seconds without accepting when the system refuses a connection's descriptor
ACCEPT_REST = 0.5


class Answering(Running):
    """Accepts connections and keeps the books of their letters; what arrives goes to `arrived`."""

    def __init__(self, key: bytes, listening: Listening, tls: Tls | None = None) -> None:
        super().__init__()
        self.key, self.listening, self.tls = key, listening, tls
        self.incarnation = secrets.token_bytes(INCARNATION)
        self.chunk = bytearray(READ_CHUNK)
        self.chunk_view = memoryview(self.chunk)
        self._incoming: set[Incoming] = set()
        self._unproven: set[Incoming] = set()
        self._opening: set[TlsSocket] = set()
        self._origins: OrderedDict[bytes, Origin] = OrderedDict()
        self._owing: set[Origin] = set()
        for sock in listening.sockets():
            self.loop.add_reader(sock.fileno(), self._accept, sock)

    def arrived(self, target: int, sender: Any, message: Any, via: Incoming, size: int) -> None:
        """A letter for the actor with this number."""
        raise NotImplementedError

    def dispatch(self) -> None:
        """Letters may have arrived."""
        raise NotImplementedError

    # -- connections that come in

    def _accept(self, listener: socket.socket) -> None:
        for _ in range(ACCEPT_AT_ONCE):
            try:
                sock, _ = listener.accept()
            except BlockingIOError:
                return
            except OSError as failure:
                self._rest(listener, failure)
                return
            if len(self._incoming) >= MAX_CONNECTIONS or len(self._unproven) + len(self._opening) >= MAX_UNPROVEN:
                COUNTERS.connections_refused += 1
                sock.close()
                continue
            self._admit(sock)

    def _rest(self, listener: socket.socket, failure: OSError) -> None:
        """Out of descriptors, say: who waits to be accepted waits on, and the loop is not kept busy with it."""
        LOG.warning("no connection can be accepted for %g s: %s", ACCEPT_REST, failure)
        self.loop.remove_reader(listener.fileno())
        self.loop.call_later(ACCEPT_REST, self._accept_again, listener)

    def _accept_again(self, listener: socket.socket) -> None:
        if listener.fileno() >= 0:
            self.loop.add_reader(listener.fileno(), self._accept, listener)

    def _admit(self, sock: socket.socket) -> None:
        try:
            sock.setblocking(False)
            if sock.family == socket.AF_UNIX:
                check_user(sock)
            else:
                tune(sock)
        except (OSError, ForeignPeer):
            COUNTERS.connections_refused += 1
            sock.close()
            return
        if self.tls is None or sock.family == socket.AF_UNIX:
            self._begin(sock)
            return
        opening = TlsSocket(sock, self.tls, server_side=True)
        self._opening.add(opening)
        self.loop.call_later(HANDSHAKE_WITHIN, self._not_opened, opening)
        opening.open(self.loop, self._begin, lambda _: self._not_opened(opening))

    def _begin(self, sock: Connection) -> None:
        if isinstance(sock, TlsSocket):
            self._opening.discard(sock)
        connection = Incoming(self, sock)
        self._incoming.add(connection)
        self._unproven.add(connection)

    def _not_opened(self, opening: TlsSocket) -> None:
        """No TLS, no certificate that we trust, or too slow."""
        if opening in self._opening:
            self._opening.discard(opening)
            COUNTERS.connections_refused += 1
            opening.close()

    def close_incoming(self) -> None:
        for connection in list(self._incoming):
            connection.close()
        for opening in self._opening:
            opening.close()
        self._opening.clear()

    def proven(self, connection: Incoming) -> None:
        self._unproven.discard(connection)

    def dropped(self, connection: Incoming) -> None:
        self._incoming.discard(connection)
        self._unproven.discard(connection)

    def origin(self, hello: Hello) -> Origin:
        """Who calls: known, if this goes on with an earlier connection."""
        origin = self._origins.get(hello.stream)
        if origin is None:
            origin = self._origins[hello.stream] = Origin(hello)
            self._forget_origins()
        self._origins.move_to_end(hello.stream)
        return origin

    def _forget_origins(self) -> None:
        if len(self._origins) <= REMEMBERED_PEERS:
            return
        for stream, origin in list(self._origins.items()):
            if origin.connection is None:
                del self._origins[stream]
            if len(self._origins) * 2 <= REMEMBERED_PEERS:
                return

    def forget_descriptor(self, descriptor: int) -> None:
        if descriptor >= 0 and not self.loop.is_closed():
            self.loop.remove_reader(descriptor)
            self.loop.remove_writer(descriptor)

    # -- acknowledging

    def taken(self, origin: Origin) -> None:
        """A letter is about to be handled (or was refused): the sender may forget it."""
        origin.taken += 1
        origin.owed += 1
        if origin.external or origin.owed >= ACK_EVERY:
            self._acknowledge(origin)
        elif origin.owed == 1:
            if not self._owing:
                self.loop.call_later(ACK_WITHIN, self.acknowledge_all)
            self._owing.add(origin)

    def _acknowledge(self, origin: Origin) -> None:
        origin.owed = 0
        if origin.connection is not None:
            origin.connection.acknowledge(origin.taken)

    def hurried(self, origin: Origin) -> None:
        """The peer is about to end and waits for its letters to be taken."""
        origin.external = True
        self._acknowledge(origin)

    def acknowledge_all(self) -> None:
        owing, self._owing = self._owing, set()
        for origin in owing:
            if origin.owed:
                self._acknowledge(origin)
