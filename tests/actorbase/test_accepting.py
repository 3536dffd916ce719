"""A process that is out of descriptors rests from accepting, instead of keeping its loop busy."""

import errno
import socket
from typing import Any

import pytest

from owactors.actorbase.answering import ACCEPT_REST, Answering


class Loop:
    def __init__(self) -> None:
        self.readers: set[int] = set()
        self.later: list[tuple[float, Any, tuple[Any, ...]]] = []

    def add_reader(self, descriptor: int, call: Any, *args: Any) -> None:
        self.readers.add(descriptor)

    def remove_reader(self, descriptor: int) -> None:
        self.readers.discard(descriptor)

    def call_later(self, seconds: float, call: Any, *args: Any) -> None:
        self.later.append((seconds, call, args))


class Listener:
    def __init__(self, failure: OSError) -> None:
        self.failure = failure

    def accept(self) -> tuple[socket.socket, str]:
        raise self.failure

    def fileno(self) -> int:
        return 7


@pytest.fixture
def answering() -> Any:
    made = Answering.__new__(Answering)
    made.loop = Loop()  # type: ignore[assignment]
    made.loop.add_reader(7, None)
    return made


def test_nobody_waits_any_more(answering: Any) -> None:
    answering._accept(Listener(BlockingIOError()))
    assert (answering.loop.readers, answering.loop.later) == ({7}, [])


def test_out_of_descriptors(answering: Any, caplog: pytest.LogCaptureFixture) -> None:
    answering._accept(Listener(OSError(errno.EMFILE, "Too many open files")))
    assert answering.loop.readers == set()
    assert "Too many open files" in caplog.text
    ((seconds, call, args),) = answering.loop.later
    assert seconds == ACCEPT_REST
    call(*args)
    assert answering.loop.readers == {7}
