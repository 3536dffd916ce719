"""The mutual challenge that opens every connection. Pure: bytes in, bytes out.

    caller    -> "OWA1" nonce(32)
    answerer  -> "OWA1" nonce(32) HMAC(key, "answerer" nonces)
    caller    -> HMAC(key, "caller" nonces), then frames

Both sides derive one key per direction from the shared key and both nonces. Nobody reads more than these 136 bytes
from a peer that has not proved that it has the key.
"""

from __future__ import annotations

import hmac
import secrets

MAGIC = b"OWA1"
NONCE = 32
PROOF = 32
GREETING = len(MAGIC) + NONCE


class HandshakeFailed(Exception):
    """The peer has not got the key or does not speak this protocol."""


def _prove(key: bytes, what: bytes, nonces: bytes) -> bytes:
    return hmac.digest(key, what + nonces, "sha256")


class Handshake:
    """What both sides share: collecting bytes, deriving the keys of the two directions."""

    def __init__(self, key: bytes, nonce: bytes | None = None) -> None:
        self._key = key
        self._nonce = nonce or secrets.token_bytes(NONCE)
        self._buffer = bytearray()
        self._nonces = b""
        self.done = False

    def rest(self) -> bytes:
        """What was received after the handshake: the first bytes of the frames."""
        rest = bytes(self._buffer)
        self._buffer.clear()
        return rest

    def call_key(self) -> bytes:
        """For frames from caller to answerer."""
        return _prove(self._key, b"frames of caller", self._nonces)

    def answer_key(self) -> bytes:
        """For frames from answerer to caller."""
        return _prove(self._key, b"frames of answerer", self._nonces)

    def _take(self, size: int) -> bytes:
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken

    def _peer_nonce(self) -> bytes:
        if self._take(len(MAGIC)) != MAGIC:
            raise HandshakeFailed("no greeting")
        return self._take(NONCE)

    def _check(self, what: bytes) -> None:
        if not hmac.compare_digest(self._take(PROOF), _prove(self._key, what, self._nonces)):
            raise HandshakeFailed("wrong key")
        self.done = True


class Caller(Handshake):
    """The side that connected."""

    def greeting(self) -> bytes:
        return MAGIC + self._nonce

    def receive(self, data: bytes) -> bytes:
        """Feed received bytes; the reply to send, b"" while more is needed. HandshakeFailed."""
        self._buffer += data
        if self.done:
            return b""
        if not MAGIC.startswith(self._buffer[: len(MAGIC)]):
            raise HandshakeFailed("no greeting")
        if len(self._buffer) < GREETING + PROOF:
            return b""
        nonce = self._peer_nonce()
        if nonce == self._nonce:
            raise HandshakeFailed("reflected")
        self._nonces = self._nonce + nonce
        self._check(b"answerer")
        return _prove(self._key, b"caller", self._nonces)


class Answerer(Handshake):
    """The side that accepted."""

    def receive(self, data: bytes) -> bytes:
        """Feed received bytes; the reply to send, b"" while more is needed. HandshakeFailed."""
        self._buffer += data
        if self.done:
            return b""
        if self._nonces:
            if len(self._buffer) >= PROOF:
                self._check(b"caller")
            return b""
        if not MAGIC.startswith(self._buffer[: len(MAGIC)]):
            raise HandshakeFailed("no greeting")
        if len(self._buffer) < GREETING:
            return b""
        self._nonces = self._peer_nonce() + self._nonce
        reply = MAGIC + self._nonce + _prove(self._key, b"answerer", self._nonces)
        if len(self._buffer) >= PROOF:
            self._check(b"caller")
        return reply
