"""Java's string hash, on which every controller's choice of a home invoker rests."""

from __future__ import annotations

from functools import lru_cache

_BITS = 0xFFFF_FFFF
_SIGN = 0x8000_0000


def signed(value: int) -> int:
    """The low 32 bits as Java's int."""
    value &= _BITS
    return value - (1 << 32) if value & _SIGN else value


@lru_cache(maxsize=65536)
def java_hash(text: str) -> int:
    """`String.hashCode`: 31 h + code unit over UTF-16, wrapping around at 32 bits, signed."""
    units = text.encode("utf-16-le", "surrogatepass")
    value = 0
    for low, high in zip(units[::2], units[1::2], strict=True):
        value = (31 * value + (high << 8 | low)) & _BITS
    return signed(value)


def home_hash(namespace: str, action: str) -> int:
    """Never negative; `namespace` is the invoking one, `action` is "ns[/pkg]/name" without version.

    The original leaves the smallest int negative and then fails on it; here it is its magnitude.
    """
    return abs(signed(java_hash(namespace) ^ java_hash(action)))
