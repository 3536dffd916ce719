"""What waits for the writer: who goes at once, who lingers, who rests after a failure."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from owactors.store.sqlite.jobs import Job, Nothing
from owactors.store.sqlite.queue import JobQueue

NOTHING = Nothing()
LONG = 3600.0


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


def patient(name: str) -> Job:
    return Job(NOTHING, name)


def urgent(name: str, loop: asyncio.AbstractEventLoop, flush: bool = False) -> Job:
    return Job(NOTHING, name, loop.create_future(), flush)


def taken(queue: JobQueue) -> list[str]:
    jobs = queue.take()
    assert jobs is not None
    return [job.argument for job in jobs]


def test_urgent_goes_at_once_and_takes_patient_along(loop: asyncio.AbstractEventLoop) -> None:
    queue = JobQueue(linger=LONG)
    assert queue.due_in() is None
    queue.put(patient("a"))
    assert queue.due_in() == pytest.approx(LONG, abs=600)
    queue.put(urgent("b", loop))
    assert queue.due_in() == 0
    assert taken(queue) == ["b", "a"]
    assert queue.due_in() is None


def test_patient_goes_after_its_time() -> None:
    queue = JobQueue(linger=0.01)
    queue.put(patient("a"))
    queue.put(patient("b"))
    assert taken(queue) == ["a", "b"]


def test_enough_patient_jobs_go_at_once() -> None:
    queue = JobQueue(linger=LONG, batch=3)
    for name in "abc":
        queue.put(patient(name))
    assert taken(queue) == ["a", "b", "c"]


def test_what_failed_rests_and_keeps_its_place(loop: asyncio.AbstractEventLoop) -> None:
    queue = JobQueue(linger=0.0)
    queue.put(patient("a"))
    queue.put(patient("b"))
    failed = queue.take()
    assert failed is not None
    queue.put(patient("c"))
    queue.put_back(failed, LONG)
    queue.put(urgent("x", loop))
    assert taken(queue) == ["x"]
    queue.put(urgent("flush", loop, flush=True))
    assert taken(queue) == ["flush", "a", "b", "c"]


def test_rest_ends_by_itself() -> None:
    queue = JobQueue(linger=LONG)
    queue.put_back([patient("a")], 0.01)
    assert taken(queue) == ["a"]


def test_closing_hands_out_what_waits_and_then_nothing(loop: asyncio.AbstractEventLoop) -> None:
    queue = JobQueue(linger=LONG)
    queue.put(patient("a"))
    queue.close()
    assert queue.closing
    assert not queue.put(patient("late"))
    assert not queue.put(urgent("late", loop))
    assert taken(queue) == ["a"]
    assert queue.take() is None


def test_closing_wakes_the_writer() -> None:
    queue = JobQueue()
    ended = threading.Event()

    def take() -> None:
        assert queue.take() is None
        ended.set()

    thread = threading.Thread(target=take)
    thread.start()
    queue.close()
    assert ended.wait(30)
    thread.join()


def test_abandoned_jobs_are_handed_out_once(loop: asyncio.AbstractEventLoop) -> None:
    queue = JobQueue(linger=LONG)
    queue.put(patient("a"))
    queue.put(urgent("b", loop))
    assert [job.argument for job in queue.abandon()] == ["b", "a"]
    assert queue.abandon() == []
