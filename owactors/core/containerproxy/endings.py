"""What becomes of the container, and of those that wait for it, when a job has ended or something failed."""

from __future__ import annotations

from attrs import evolve

from owactors.core.containerproxy import calls, records
from owactors.core.containerproxy.events import ExchangeCrashed
from owactors.core.containerproxy.instructions import (
    LINGER_TIMER,
    DestroyContainer,
    SetTimer,
    Stop,
)
from owactors.core.containerproxy.job import Job, Phase
from owactors.core.containerproxy.machine import Proxy
from owactors.core.containerproxy.states import State
from owactors.entity.activation import ActivationResponse
from owactors.message.container import ContainerDestroyed, ContainerRemoved, RescheduleJob, Run
from owactors.message.containerdata import WarmedData


def ended(proxy: Proxy, job: Job, reusable: bool, now: float) -> None:
    """A job has ended; `reusable`: its container may serve the next."""
    del proxy.jobs[job.number]
    if proxy.state is State.REMOVING:
        destroy_if_idle(proxy)
    elif proxy.closing and reusable:
        # The job that was failed at is still inside; its end is the end of the container.
        return
    elif reusable and isinstance(proxy.data, WarmedData):
        request_work(proxy, proxy.data, now)
    elif isinstance(proxy.data, WarmedData):
        retire(proxy)
    else:
        abandon(proxy, records.whisk_error("") if job.record is None else job.record.response, now)


def request_work(proxy: Proxy, data: WarmedData, now: float) -> None:
    """Serve the buffer; tell the pool of room that is left; without jobs, be Ready."""
    room = data.action.limits.concurrency - len(proxy.jobs)
    spare = room > len(proxy.buffer)
    drain_buffer(proxy, now)
    if spare:
        proxy.need_work(data)
    if not proxy.jobs and proxy.state is State.RUNNING:
        become_ready(proxy, now)


def drain_buffer(proxy: Proxy, now: float) -> None:
    """Begin buffered Runs while the warm container has room."""
    while not proxy.closing and proxy.buffer and proxy.state is State.RUNNING and isinstance(proxy.data, WarmedData):
        if len(proxy.jobs) >= proxy.data.action.limits.concurrency:
            return
        calls.begin(proxy, proxy.accept(proxy.buffer.popleft(), Phase.RUNNING, now), now)


def become_ready(proxy: Proxy, now: float) -> None:
    """Warm, idle and unpaused."""
    proxy.goto(State.READY)
    proxy.idle_since = now
    grace = proxy.settings.pause_grace
    proxy.arm_idle_timer(proxy.settings.unused_timeout if grace is None else grace, now)


def retire(proxy: Proxy) -> None:
    """The warm container must not be used again: out of the books, its buffer to the pool, gone when idle."""
    if proxy.jobs:
        announce_rescheduled(proxy)
    else:
        announce_removed(proxy, True)
    hand_back_buffer(proxy)
    removing(proxy)


def refused(proxy: Proxy, job: Job, now: float) -> None:
    """The container would not take the job, which goes back to the pool; the container goes."""
    if job.run.attempts + 1 >= proxy.settings.max_attempts:
        reason = f"refused by {job.run.attempts + 1} containers, one after the other"
        proxy.later(ExchangeCrashed(job.number, reason, now))
        return
    del proxy.jobs[job.number]
    if proxy.state is not State.REMOVING:
        hand_back_buffer(proxy)
        announce_rescheduled(proxy)
    hand_back(proxy, evolve(job.run, attempts=job.run.attempts + 1))
    removing(proxy)


def abandon(proxy: Proxy, answer: ActivationResponse, now: float) -> None:
    """The container never became warm: what waited for it ends with the same answer."""
    abort_buffer(proxy, answer, now)
    announce_removed(proxy, True)
    removing(proxy)


def removing(proxy: Proxy, resume_first: bool = False) -> None:
    """On the way out: destroy the container as soon as no job needs it."""
    if proxy.state is not State.REMOVING:
        proxy.goto(State.REMOVING)
    destroy_if_idle(proxy, resume_first)


def destroy_if_idle(proxy: Proxy, resume_first: bool = False) -> None:
    """Destroy the container unless jobs are inside, or it is not there yet or no more."""
    if proxy.jobs or proxy.creating or proxy.destroying or proxy.destroyed:
        return
    if proxy.container is None:
        gone(proxy)
        return
    proxy.destroying = True
    proxy.emit(DestroyContainer(resume_first))


def gone(proxy: Proxy, leaked: str = "") -> None:
    """Nothing is left to remove: tell the pool, and wait to be dismissed."""
    proxy.destroyed, proxy.destroying = True, False
    finished, ended_ids = proxy.take_unreported()
    proxy.tell_pool(ContainerDestroyed(finished, leaked, ended_ids))
    if proxy.dismissed:
        stop(proxy)
    else:
        proxy.emit(SetTimer(LINGER_TIMER, proxy.settings.linger))


def stop(proxy: Proxy) -> None:
    """The end. Runs that come all the same are handed back."""
    proxy.goto(State.GONE)
    proxy.emit(Stop())


def announce_removed(proxy: Proxy, replace_prewarm: bool) -> None:
    """Tell the pool to leave this container out of its books, unless it was told."""
    if not proxy.announced:
        proxy.announced = True
        proxy.tell_pool(ContainerRemoved(replace_prewarm, *proxy.take_unreported()))


def announce_rescheduled(proxy: Proxy) -> None:
    """The same, and jobs were or will be handed back."""
    if not proxy.announced:
        proxy.announced = True
        proxy.tell_pool(RescheduleJob(*proxy.take_unreported()))


def hand_back(proxy: Proxy, run: Run) -> None:
    """The pool has to place this Run elsewhere."""
    proxy.handed_back += 1
    proxy.tell_pool(run)


def hand_back_buffer(proxy: Proxy) -> None:
    """Buffered Runs go back to the pool, in order."""
    while proxy.buffer:
        hand_back(proxy, proxy.buffer.popleft())


def abort_buffer(proxy: Proxy, answer: ActivationResponse, now: float) -> None:
    """Buffered Runs end with `answer`."""
    while proxy.buffer:
        records.abort(proxy, proxy.buffer.popleft(), answer, now)
