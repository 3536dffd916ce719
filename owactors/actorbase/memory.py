"""How this process asks the kernel for memory: buffers of large messages are kept for the next one."""

from __future__ import annotations

import ctypes

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
KEPT = 16 << 20
"""Free memory above this goes back to the kernel, bytes."""

LARGEST_KEPT = 8 << 20


def keep_buffers() -> None:
    """Where the C library is glibc. Fresh pages for every message of a megabyte cost more than copying it does."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_TRIM_THRESHOLD, KEPT)
        mallopt(M_MMAP_THRESHOLD, LARGEST_KEPT)
