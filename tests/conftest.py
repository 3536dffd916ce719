"""Services that all tests of a session share; and an end in order, also by SIGTERM."""

import signal

from tests.services.kafka import kafka_address

__all__ = ["kafka_address"]


def pytest_configure() -> None:
    """Who is told to end stops what its tests have started, as with Ctrl-C."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
