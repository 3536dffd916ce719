"""Kafka brokers for tests, started by scripts/services.d/kafka, each in a folder of its own."""

from __future__ import annotations

import os
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from attrs import define, field

CHECKOUT = Path(__file__).resolve().parents[2]
SCRIPT = CHECKOUT / "scripts" / "services.d" / "kafka"
#: what the script says with its exit code when this machine cannot have the service
CANNOT = 3
#: seconds for everything, the fetching of the broker included
PATIENCE = 240


@define
class Broker:
    """One broker; it keeps its address and data over `kill` and `start`."""

    folder: Path = field(
        factory=lambda: CHECKOUT / ".services" / "kafka" / f"test-{os.getpid()}-{uuid.uuid4().hex[:6]}"
    )
    #: the address of this machine at which it is reached
    host: str = "127.0.0.1"
    address: str = ""

    def start(self) -> None:
        """Returns when it accepts connections. Where it cannot run the test is skipped, or fails in CI."""
        done = self._do("start")
        if done.returncode == CANNOT:
            unavailable(f"Kafka cannot run here: {done.stderr.strip()}")
        assert done.returncode == 0, done.stderr
        self.address = done.stdout.strip()

    def kill(self) -> None:
        """SIGKILL."""
        assert self._do("kill").returncode == 0

    def end(self) -> None:
        """SIGTERM; its data stay."""
        assert self._do("end").returncode == 0

    def stop(self) -> None:
        """Nothing of it is left."""
        self._do("stop")

    def _do(self, command: str) -> subprocess.CompletedProcess[str]:
        # The broker ends with this process, however that ends.
        environment = os.environ | {"OWNER": str(os.getpid()), "HOST": self.host}
        call = [str(SCRIPT), command, str(self.folder)]
        return subprocess.run(call, capture_output=True, text=True, timeout=PATIENCE, env=environment, check=False)


def unavailable(reason: str) -> None:
    """Skips the test, or fails it where every service must be there."""
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@contextmanager
def running_broker(host: str = "127.0.0.1") -> Iterator[Broker]:
    """A broker for one test alone, which may kill it."""
    broker = Broker(host=host)
    try:
        broker.start()
        yield broker
    finally:
        broker.stop()


@pytest.fixture(scope="session")
def kafka_address() -> Iterator[str]:
    """The address of the broker which all tests share: topics and groups need names of their own.

    OWACTORS_TEST_KAFKA=host:port names one that runs already.
    """
    given = os.environ.get("OWACTORS_TEST_KAFKA")
    if given:
        yield given
        return
    with running_broker() as broker:
        yield broker.address
