"""A bounded cache with a time to live."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class ExpiringCache(Generic[K, V]):
    """Keeps values for `ttl` seconds after they were put, or with `sliding` after they were last asked for.

    Beyond `most` entries the one that was put first goes.
    """

    def __init__(self, ttl: float, monotonic: Callable[[], float], most: int = 100_000, sliding: bool = False) -> None:
        self._ttl = ttl
        self._now = monotonic
        self._most = most
        self._sliding = sliding
        self._entries: dict[K, tuple[float, V]] = {}

    def get(self, key: K) -> V | None:
        """The value, None if there is none or it is too old."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        now = self._now()
        if entry[0] <= now:
            del self._entries[key]
            return None
        if self._sliding:
            self._entries[key] = (now + self._ttl, entry[1])
        return entry[1]

    def put(self, key: K, value: V) -> None:
        """Keeps a value."""
        if len(self._entries) >= self._most and key not in self._entries:
            del self._entries[next(iter(self._entries))]
        self._entries[key] = (self._now() + self._ttl, value)

    def drop(self, key: K) -> None:
        """Forgets one key."""
        self._entries.pop(key, None)

    def clear(self) -> None:
        """Forgets everything."""
        self._entries.clear()

    def __len__(self) -> int:
        return len(self._entries)
