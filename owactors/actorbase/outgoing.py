"""The connection to one peer process: opened when needed, letters pipelined on it, kept until they are taken."""

from __future__ import annotations

import errno
import secrets
import socket
import ssl
import time
from typing import TYPE_CHECKING, Any

from thespian.actors import ActorAddress
from thespian.system.transport import SendStatus

from owactors.actorbase.counters import COUNTERS
from owactors.actorbase.frames import BadFrame, FrameReader, Seal
from owactors.actorbase.handshake import Caller, HandshakeFailed
from owactors.actorbase.letters import Letter, is_exempt
from owactors.actorbase.limits import (
    CONNECT_WITHIN,
    HANDSHAKE_WITHIN,
    RETRY_FOR,
    RETRY_PAUSE,
    VERIFY_FOR,
)
from owactors.actorbase.outbox import Outbox
from owactors.actorbase.protocol import HURRY, REPLY_LIMIT, STALE, STREAM, UNKNOWN, WELCOME, Hello, unpack_ack
from owactors.actorbase.sendqueue import SendQueue
from owactors.actorbase.sockets import ForeignPeer, connect_unix, start_connect_tcp
from owactors.actorbase.tls import Connection, TlsSocket

if TYPE_CHECKING:
    from owactors.actorbase.transport import ProcessTransport

REFUSED = (errno.ECONNREFUSED, errno.ENOENT, errno.EACCES)
VANISHED = (errno.ETIMEDOUT, errno.EHOSTUNREACH)
STALE_BODY = STALE[4:]


class Peer:
    """Everything that is on its way to one process."""

    def __init__(self, host: ProcessTransport, address: ActorAddress) -> None:
        self.host = host
        self.address = address
        self.name: tuple[str, int] = address.addressDetails.sockname
        self.queue = SendQueue()
        self.up = False
        self.dirty = False
        self._stream = secrets.token_bytes(STREAM)
        self._acked = 0
        self._progress = False
        self._incarnation = UNKNOWN
        self._sock: Connection | None = None
        self._handshake: Caller | None = None
        self._outbox: Outbox | None = None
        self._replies = FrameReader(None)
        self._trying_since: float | None = None

    # -- letters

    def submit(self, letter: Letter) -> None:
        """Send, or keep until the connection is up. Over the limits the letter comes back as undeliverable."""
        if self.queue.full and (self.queue.overfull or not is_exempt(letter.message)):
            COUNTERS.letters_returned += 1
            self.host.loop.call_soon(letter.settle, SendStatus.DeadTarget)
            return
        frame = self.queue.put(letter)
        if self.up:
            assert self._outbox is not None
            if frame is not None:
                self._outbox.add(frame)
            self.host.mark_dirty(self)
        elif self._sock is None and self._trying_since is None:
            self._connect()

    def flush(self) -> None:
        self.dirty = False
        if self._outbox is not None:
            self._outbox.flush()

    def hurry(self) -> None:
        """We want to end: let the peer say without delay what it has taken."""
        if self.up and self._outbox is not None and self.queue:
            self._outbox.add(HURRY)
            self._outbox.flush()

    # -- connecting

    def _connect(self) -> None:
        now = time.monotonic()
        self._trying_since = self._trying_since or now
        if self.address.addressDetails.isLocalAddr() and self._connect_locally():
            return
        left = max(self._trying_since + RETRY_FOR - now, RETRY_PAUSE)
        sock, error = start_connect_tcp(*self.name)
        self._sock = sock
        self.host.loop.call_later(min(CONNECT_WITHIN, left), self._connect_timeout, sock)
        if error in (0, errno.EINPROGRESS):
            self.host.loop.add_writer(sock.fileno(), self._tcp_connected)
        else:
            self.host.loop.call_soon(self._error, error)  # never settle a letter inside of send()

    def _connect_locally(self) -> bool:
        """Over the unix socket; False if there is none and TCP should be tried."""
        try:
            self._sock = connect_unix(self.host.folder, self.name[1])
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        except ForeignPeer:
            self.host.loop.call_soon(self._error, errno.EACCES)
        except OSError as failure:
            self.host.loop.call_soon(self._error, failure.errno or errno.EIO)
        else:
            self._greet(self._sock)
        return True

    def _connect_timeout(self, sock: Connection) -> None:
        if self._sock is sock and self._handshake is None:
            self._error(errno.ETIMEDOUT)

    def _tcp_connected(self) -> None:
        sock = self._sock
        assert isinstance(sock, socket.socket)
        self.host.loop.remove_writer(sock.fileno())
        error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            self._error(error)
        elif self.host.tls is not None:
            tls = self._sock = TlsSocket(sock, self.host.tls, server_side=False)
            self.host.loop.call_later(HANDSHAKE_WITHIN, self._connect_timeout, tls)
            tls.open(self.host.loop, self._greet, self._failed)
        else:
            self._greet(sock)

    def _failed(self, failure: OSError) -> None:
        if isinstance(failure, ssl.SSLError):
            self._distrust()
        else:
            self._lost(failure.errno or errno.EIO)

    def _greet(self, sock: Connection) -> None:
        self._handshake = Caller(self.host.key)
        self._outbox = Outbox(self.host.loop, sock, None, self._lost)
        self._outbox.raw(self._handshake.greeting())
        self.host.loop.add_reader(sock.fileno(), self._readable)
        self._outbox.flush()

    def _proved(self, sock: Connection, handshake: Caller, proof: bytes) -> None:
        """Both sides know each other: say who we are and (re)send everything that was not acknowledged."""
        sealed = sock.family != socket.AF_UNIX
        seal = Seal(handshake.call_key()) if sealed else None
        self._outbox = Outbox(self.host.loop, sock, seal, self._lost, self.queue.feed)
        self._replies = FrameReader(Seal(handshake.answer_key()) if sealed else None, REPLY_LIMIT)
        self.up, self._progress, self._trying_since = True, False, None
        self._outbox.raw(proof)
        self._outbox.add(self._hello().pack())
        self.queue.restart()
        self._outbox.flush()

    def _hello(self) -> Hello:
        host = self.host
        return Hello(self._stream, self._incarnation, self._acked, host.external, *host.name)

    def _error(self, error: int) -> None:
        """Refused means dead at once; anything else is tried again for RETRY_FOR seconds."""
        if self._trying_since is None:
            return
        self._drop_socket()
        if error in REFUSED or time.monotonic() - self._trying_since >= RETRY_FOR:
            self.fail(SendStatus.DeadTarget)
        else:
            pause = 0.01 if error == errno.EAGAIN else RETRY_PAUSE
            self.host.loop.call_later(pause, self._retry)

    def _retry(self) -> None:
        if self._sock is None and self.host.peers.get(self.name) is self and not self.host.closed:
            self._connect()

    # -- replies

    def _readable(self) -> None:
        sock = self._sock
        assert sock is not None
        try:
            data = sock.recv(4096)
        except BlockingIOError:
            return
        except OSError as failure:
            self._failed(failure)  # a certificate that the peer refuses is told here
            return
        if not data:
            self._lost(errno.ECONNRESET)
            return
        try:
            self._received(sock, data)
        except HandshakeFailed:
            self._distrust()
        except BadFrame:
            COUNTERS.frames_rejected += 1
            self._lost(errno.ECONNRESET)

    def _received(self, sock: Connection, data: bytes) -> None:
        handshake = self._handshake
        if handshake is not None and not handshake.done:
            proof = handshake.receive(data)
            if not proof:
                return
            data = handshake.rest()
            self._proved(sock, handshake, proof)
        for body in self._replies.feed(data):
            self._reply(bytes(body))

    def _reply(self, body: bytes) -> None:
        if body[:1] == WELCOME:
            self._incarnation, self._progress = body[1:], True
        elif body == STALE_BODY:
            self.fail(SendStatus.DeadTarget)  # another process has this port now
        else:
            self._acknowledged(unpack_ack(body))

    def _acknowledged(self, taken: int) -> None:
        fresh, self._acked = self.queue.acknowledged(taken - self._acked), taken
        for letter in fresh:
            letter.settle(SendStatus.Sent)
        self.host.check_done()

    # -- ending

    def _distrust(self) -> None:
        """The peer has not got our key: as good as dead, and not to be asked again."""
        COUNTERS.connections_refused += 1
        self.fail(SendStatus.DeadTarget)

    def _drop_socket(self) -> None:
        if self._outbox is not None:
            self._outbox.close()
        if self._sock is not None:
            self.host.forget_descriptor(self._sock.fileno())
            self._sock.close()
        self._sock, self._outbox, self._handshake, self.up = None, None, None, False

    def _lost(self, error: int) -> None:
        """The connection broke: what was not acknowledged is sent again; the peer drops what it has already.

        After a time-out the peer has only a moment to show that it lives: it has been silent for long enough.
        """
        answered = self.up and self._progress
        self._drop_socket()
        if self.host.closed or not (self.queue or self._trying_since):
            self._forget()
        elif error in VANISHED:
            self._trying_since = time.monotonic() - RETRY_FOR + VERIFY_FOR
            self._connect()
        elif answered:
            self._connect()
        else:
            self._trying_since = self._trying_since or time.monotonic()
            self._error(errno.ECONNRESET)

    def _forget(self) -> None:
        self._trying_since = None
        if self.host.peers.get(self.name) is self:
            del self.host.peers[self.name]

    def fail(self, status: Any) -> None:
        """Give up: every letter ends with this status."""
        self._drop_socket()
        self._forget()
        for letter in self.queue.give_up():
            letter.settle(status)
        self.host.check_done()

    def idle(self) -> bool:
        return not self.queue and not self._outbox

    def flushed(self) -> bool:
        """Everything is in the kernel's hands; only acknowledgements are missing."""
        return self.up and not self._outbox and not self.queue.unwritten()
