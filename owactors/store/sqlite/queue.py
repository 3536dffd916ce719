"""What waits for the writer thread, and when it is due."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence

from attrs import define, field

from owactors.store.sqlite.jobs import Job

NEVER = float("inf")


@define(eq=False)
class JobQueue:
    """Two lines: jobs that somebody waits for (`urgent`), and those nobody waits for (`patient`).

    Urgent jobs are due at once; patient ones after `linger` seconds, or along with urgent ones, or when
    `batch` of them are there. After a failure patient jobs rest until the time given to `put_back`.
    """

    linger: float = 0.03
    batch: int = 500
    _changed: threading.Condition = field(factory=threading.Condition)
    _urgent: deque[Job] = field(factory=deque)
    _patient: deque[Job] = field(factory=deque)
    #: when patient jobs are due (monotonic seconds)
    _due: float = NEVER
    _resting: bool = False
    _closing: bool = False

    @property
    def closing(self) -> bool:
        """True once `close` was called."""
        return self._closing

    def due_in(self) -> float | None:
        """Seconds until the writer has to do something; None: nothing waits."""
        if self._urgent:
            return 0.0
        return max(0.0, self._due - time.monotonic()) if self._patient else None

    def put(self, job: Job) -> bool:
        """Adds a job to the line where it belongs. False: closed, not added."""
        with self._changed:
            if self._closing:
                return False
            if job.future is not None:
                self._urgent.append(job)
                self._changed.notify()
            else:
                self._put_patient(job)
            return True

    def _put_patient(self, job: Job) -> None:
        self._patient.append(job)
        if self._due == NEVER:
            self._due = time.monotonic() + self.linger
            self._changed.notify()
        elif len(self._patient) == self.batch and not self._resting:
            self._due = 0
            self._changed.notify()

    def put_back(self, jobs: Sequence[Job], rest: float) -> None:
        """Patient jobs that failed go to the front again; none is taken for `rest` seconds."""
        with self._changed:
            self._patient.extendleft(reversed(jobs))
            if self._patient:
                self._due, self._resting = time.monotonic() + rest, True

    def take(self) -> list[Job] | None:
        """Waits for a batch. None: closed and empty."""
        with self._changed:
            while not self._ready():
                if self._closing and not self._patient:
                    return None
                self._changed.wait(None if self._due == NEVER else max(0.0, self._due - time.monotonic()))
            urgent = self._take_urgent()
            return urgent + self._take_patient(any(job.flush for job in urgent))

    def _ready(self) -> bool:
        return bool(self._urgent) or (bool(self._patient) and self._due <= time.monotonic())

    def _take_urgent(self) -> list[Job]:
        jobs = list(self._urgent)
        self._urgent.clear()
        return jobs

    def _take_patient(self, flush: bool) -> list[Job]:
        if self._resting and self._due > time.monotonic() and not flush:
            return []
        jobs = list(self._patient)
        self._patient.clear()
        self._due, self._resting = NEVER, False
        return jobs

    def close(self) -> None:
        """Takes no more jobs; what waits is due."""
        with self._changed:
            self._closing, self._due, self._resting = True, 0, False
            self._changed.notify()

    def abandon(self) -> list[Job]:
        """Everything that still waits, taken out."""
        with self._changed:
            jobs = [*self._urgent, *self._patient]
            self._urgent.clear()
            self._patient.clear()
            return jobs
