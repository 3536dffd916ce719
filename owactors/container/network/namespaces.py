"""Network namespaces: making one, and doing something in one. Each time in a thread of its own, which then ends, for
where a thread is cannot be undone without rights that may be gone.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
NEW_NETWORK = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)


def new_namespace() -> int:
    """A descriptor of a new one, which lives as long as it is open or somebody is inside. Raises OSError."""

    def make() -> int:
        _checked(LIBC.unshare(NEW_NETWORK), "a network namespace")
        return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)

    return _in_thread(make)


def inside(namespace: int, work: Callable[[], T]) -> T:
    """What `work` returns in the namespace of this descriptor. Raises OSError."""

    def enter() -> T:
        _checked(LIBC.setns(namespace, NEW_NETWORK), "entering a network namespace")
        return work()

    return _in_thread(enter)


def _in_thread(work: Callable[[], T]) -> T:
    results: list[T] = []
    failures: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as failure:
            failures.append(failure)

    thread = threading.Thread(target=run, name="network namespace")
    thread.start()
    thread.join()
    if failures:
        raise failures[0]
    return results[0]


def _checked(result: int, what: str) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
