"""The seal of a request between hosts of one cluster: who has its key made it, not long ago, for this topic."""

from __future__ import annotations

import hmac
from hashlib import sha256

from attrs import field, frozen

SCHEME = "Owactors"
#: clocks of hosts may differ by so much (ms); a request that is repeated within it is known by its activation id
LONGEST_AGE = 120_000
_PURPOSE = b"owactors requests over HTTP"


def _for_requests(key: bytes) -> bytes:
    """The cluster's key serves other purposes, too."""
    return hmac.digest(key, _PURPOSE, sha256)


@frozen
class RequestSeal:
    """Makes and checks values of the header Authorization: `Owactors <epoch ms>:<hex of an HMAC-SHA-256>`."""

    _key: bytes = field(repr=False, converter=_for_requests)

    def made(self, topic: str, body: bytes, now: int) -> str:
        """The header's value for a body that is meant for this topic."""
        return f"{SCHEME} {now}:{self._mac(topic, str(now), body)}"

    def holds(self, header: str, topic: str, body: bytes, now: int) -> bool:
        """Whether the header belongs to this topic and body, and is not old. `now` in epoch ms."""
        scheme, _, rest = header.partition(" ")
        when, _, mac = rest.partition(":")
        if scheme != SCHEME or not (when.isascii() and when.isdigit() and mac.isascii()) or len(when) > 15:
            return False
        fits = hmac.compare_digest(self._mac(topic, when, body), mac)
        return fits and abs(now - int(when)) <= LONGEST_AGE

    def _mac(self, topic: str, when: str, body: bytes) -> str:
        return hmac.digest(self._key, f"{topic}\n{when}\n".encode() + body, sha256).hex()
