"""Services that all tests of a session share; and an end in order, also by SIGTERM."""

import os
import signal
from types import FrameType

from tests.services.kafka import kafka_address

__all__ = ["kafka_address"]


def pytest_configure() -> None:
    """Who is told to end stops what its tests have started, as with Ctrl-C; what a test has forked just ends."""
    session = os.getpid()

    def end(number: int, frame: FrameType | None) -> None:
        if os.getpid() == session:
            signal.default_int_handler(number, frame)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    signal.signal(signal.SIGTERM, end)
