"""The connections from peer processes: proof first, then hello, then letters."""

from __future__ import annotations

import logging
import socket
import struct
from typing import TYPE_CHECKING

from thespian.actors import ActorAddress

from owactors.actorbase.addresses import Address, address
from owactors.actorbase.counters import COUNTERS
from owactors.actorbase.frames import BadFrame, Body, FrameReader, Seal, pack
from owactors.actorbase.handshake import Answerer, HandshakeFailed
from owactors.actorbase.limits import HANDSHAKE_WITHIN, PAUSE_BYTES, PAUSE_FRAMES
from owactors.actorbase.outbox import Outbox
from owactors.actorbase.parts import LAST, PART, Assembly
from owactors.actorbase.protocol import LETTER, STALE, UNKNOWN, WELCOME, Hello, pack_ack
from owactors.actorbase.tls import Connection, TlsSocket
from owactors.actorbase.unpickling import loads

if TYPE_CHECKING:
    from owactors.actorbase.answering import Answering

LOG = logging.getLogger(__name__)
MOST_SENDERS = 10_000


class Origin:
    """A peer process that has called us, across its connections."""

    __slots__ = ("address", "connection", "external", "owed", "received", "senders", "taken")

    def __init__(self, hello: Hello) -> None:
        self.address = address(hello.host, hello.port)
        self.external = hello.external
        self.received = self.taken = hello.first
        self.owed = 0
        """Letters taken since the last acknowledgement."""
        self.connection: Incoming | None = None
        self.senders: dict[int, ActorAddress] = {0: self.address}

    def sender(self, number: int) -> ActorAddress:
        found = self.senders.get(number)
        if found is None:
            if len(self.senders) > MOST_SENDERS:
                self.senders = {0: self.address}
            found = self.senders[number] = Address(self.address.addressDetails.in_process(number))
        return found


class Incoming:
    """One accepted connection."""

    def __init__(self, host: Answering, sock: Connection) -> None:
        self.host, self.sock = host, sock
        self.origin: Origin | None = None
        self._sealed = sock.family != socket.AF_UNIX
        self._handshake: Answerer | None = Answerer(host.key)
        self._outbox = Outbox(host.loop, sock, None, self._broken)
        self._reader = FrameReader(None)
        self._assembly = Assembly()
        self._next = 0
        self._waiting_frames = self._waiting_bytes = 0
        self._paused = self.closed = False
        host.loop.add_reader(sock.fileno(), self._readable)
        host.loop.call_later(HANDSHAKE_WITHIN, self._too_slow)

    @property
    def proven(self) -> bool:
        return self._handshake is None

    # -- reading

    def _readable(self) -> None:
        if self._paused or self.closed:
            return
        self._read()
        if isinstance(self.sock, TlsSocket) and not self.closed and self.sock.pending():
            self.host.loop.call_soon(self._readable)

    def _read(self) -> None:
        host = self.host
        room = self._reader.room
        try:
            size = self.sock.recv_into(host.chunk if room is None else room)
        except BlockingIOError:
            return
        except OSError:
            size = 0
        if not size:
            self.close()
            return
        try:
            if room is None:
                self._received(host.chunk_view[:size])
            else:
                self._take(self._reader.filled(size))
        except HandshakeFailed as failure:
            COUNTERS.connections_refused += 1
            self._reject(failure)
        except BadFrame as failure:
            COUNTERS.frames_rejected += 1
            self._reject(failure)
        host.dispatch()

    def _reject(self, failure: Exception) -> None:
        LOG.warning("connection of %s closed: %s", self.origin.address if self.origin else "a stranger", failure)
        self.close()

    def _received(self, data: memoryview) -> None:
        if self._handshake is not None:
            rest = self._challenge(self._handshake, bytes(data))
            if not rest:
                return
            data = memoryview(rest)
        self._take(self._reader.feed(data))

    def _take(self, bodies: list[Body]) -> None:
        for body in bodies:
            if self.origin is None:
                self._hello(Hello.unpack(bytes(body)))
                if self.closed:
                    return
            elif body:
                self._letter(self.origin, body)
            else:
                self.host.hurried(self.origin)

    def _challenge(self, handshake: Answerer, data: bytes) -> bytes:
        """Go on with the handshake; the first bytes after it."""
        reply = handshake.receive(data)
        if reply:
            self._outbox.raw(reply)
            self._outbox.flush()
        if not handshake.done:
            return b""
        self._handshake = None
        self.host.proven(self)
        if self._sealed:
            self._reader = FrameReader(Seal(handshake.call_key()))
            self._outbox = Outbox(self.host.loop, self.sock, Seal(handshake.answer_key()), self._broken)
        return handshake.rest()

    def _too_slow(self) -> None:
        if self._handshake is not None and not self.closed:
            COUNTERS.connections_refused += 1
            self.close()

    def _hello(self, hello: Hello) -> None:
        if hello.expected not in (UNKNOWN, self.host.incarnation):
            self._outbox.add(STALE)
            self._outbox.flush()
            self.close()
            return
        origin = self.origin = self.host.origin(hello)
        if origin.connection is not None:
            origin.connection.close()
        origin.connection = self
        self._next = hello.first
        if origin.received < hello.first:
            raise BadFrame("letters are missing")
        self._outbox.add(pack(WELCOME + self.host.incarnation))
        self._outbox.add(pack_ack(origin.taken))
        self._outbox.flush()

    def _letter(self, origin: Origin, body: Body) -> None:
        """A letter, or a part of a large one."""
        try:
            target, number = LETTER.unpack_from(body)
            data = memoryview(body)[LETTER.size :]
            if target == PART:
                self._assembly.part(number, data)
            elif target == LAST:
                target, sender = LETTER.unpack_from(data)
                self._whole_letter(origin, target, sender, self._assembly.last(number, data[LETTER.size :]))
            else:
                self._whole_letter(origin, target, number, data)
        except struct.error as failure:
            raise BadFrame("no letter") from failure

    def _whole_letter(self, origin: Origin, target: int, number: int, data: memoryview | list[memoryview]) -> None:
        self._next += 1
        if self._next <= origin.received:
            COUNTERS.duplicates_dropped += 1
            return
        origin.received = self._next
        try:
            message = loads(data)
        except Exception as failure:
            COUNTERS.messages_refused += 1
            LOG.warning("message from %s refused: %s: %s", origin.address, type(failure).__name__, failure)
            self.host.taken(origin)
            return
        size = len(data) if isinstance(data, memoryview) else sum(map(len, data))
        self._waiting_frames += 1
        self._waiting_bytes += size
        self.host.arrived(target, origin.sender(number), message, self, size)
        if self._waiting_frames > PAUSE_FRAMES or self._waiting_bytes > PAUSE_BYTES:
            self._pause()

    # -- taking

    def taken(self, size: int) -> None:
        """A letter of this connection left the mailbox: its handler runs next."""
        self._waiting_frames -= 1
        self._waiting_bytes -= size
        if self._paused and self._waiting_frames * 2 < PAUSE_FRAMES and self._waiting_bytes * 2 < PAUSE_BYTES:
            self._resume()
        if self.origin is not None:
            self.host.taken(self.origin)

    def acknowledge(self, taken: int) -> None:
        if not self.closed:
            self._outbox.add(pack_ack(taken))
            self._outbox.flush()

    def _pause(self) -> None:
        """The mailbox is long: the kernel's buffers fill up and the sender has to wait."""
        if not self._paused and not self.closed:
            self._paused = True
            self.host.loop.remove_reader(self.sock.fileno())

    def _resume(self) -> None:
        self._paused = False
        if not self.closed:
            self.host.loop.add_reader(self.sock.fileno(), self._readable)
            self.host.loop.call_soon(self._readable)

    def _broken(self, _: int) -> None:
        self.close()

    def close(self) -> None:
        if self.closed:
            return
        self.closed = True
        self._outbox.close()
        self.host.dropped(self)
        self.host.forget_descriptor(self.sock.fileno())
        self.sock.close()
        if self.origin is not None and self.origin.connection is self:
            self.origin.connection = None
