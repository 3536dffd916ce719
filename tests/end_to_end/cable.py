"""A slow cable between two bridges: frames go from one TAP device to the other after a delay. Needs root.

The kernel's own way (netem) is missing in many kernels; this one needs nothing but TAP devices.
"""

from __future__ import annotations

import fcntl
import os
import random
import select
import struct
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from tests.actorbase.hosts import NoHosts

_TUNSETIFF = 0x400454CA
_TAP_WITHOUT_HEADER = 0x0002 | 0x1000
_FRAME = 65536
_WAITING = 20_000


def tap(name: str) -> int:
    """A new TAP device; it goes when the descriptor is closed. NoHosts where there is none to have."""
    try:
        device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise NoHosts(f"/dev/net/tun: {error}") from error
    fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _TAP_WITHOUT_HEADER))
    return device


class _Way:
    """One direction: frames in order, each `delay` seconds after it came, a share of them lost."""

    def __init__(self, source: int, target: int, delay: float, loss: float) -> None:
        self.source, self._target, self._delay, self._loss = source, target, delay, loss
        self._frames: deque[tuple[float, bytes]] = deque(maxlen=_WAITING)
        self._chance = random.Random(source)

    def take(self, now: float) -> None:
        try:
            frame = os.read(self.source, _FRAME)
        except OSError:
            return
        if self._chance.random() >= self._loss:
            self._frames.append((now + self._delay, frame))

    def give(self, now: float) -> None:
        while self._frames and self._frames[0][0] <= now:
            try:
                os.write(self._target, self._frames.popleft()[1])
            except OSError:
                pass  # as a cable whose other end is down

    def due(self) -> float | None:
        return self._frames[0][0] if self._frames else None


@contextmanager
def slow_cable(one: int, other: int, delay: float, loss: float = 0.0) -> Iterator[None]:
    """Carries frames between two TAP devices while the context is open. `delay` in seconds for each way."""
    ended = threading.Event()
    ways = (_Way(one, other, delay, loss), _Way(other, one, delay, loss))

    def carry() -> None:
        while not ended.is_set():
            dues = [due for due in (way.due() for way in ways) if due is not None]
            wait = min([0.05, *(max(0.0, due - time.monotonic()) for due in dues)])
            ready, _, _ = select.select([way.source for way in ways], [], [], wait)
            now = time.monotonic()
            for way in ways:
                if way.source in ready:
                    way.take(now)
                way.give(now)

    thread = threading.Thread(target=carry, name="slow cable")
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
