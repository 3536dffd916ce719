"""The policies by the names they have in the settings."""

from __future__ import annotations

from collections.abc import Callable

from owactors.core.keepalive.lru import Lru
from owactors.core.keepalive.port import KeepAlive
from owactors.core.keepalive.ttl import Ttl

#: Name in the settings -> what makes one; the argument is the setting `idle-container` in seconds.
POLICIES: dict[str, Callable[[float], KeepAlive]] = {
    "ttl": Ttl,
    "lru": lambda _: Lru(),
}


def make_policy(name: str, ttl: float) -> KeepAlive:
    """A fresh policy; ValueError naming the known ones if there is none of this name."""
    if name not in POLICIES:
        raise ValueError(f"keep-alive policy {name!r} is unknown; known are {', '.join(sorted(POLICIES))}")
    return POLICIES[name](ttl)
