"""Rows of Running (r): the container is being made, initialized, or runs activations."""

from __future__ import annotations

from owactors.core import response
from owactors.core.containerproxy import calls, endings, outcome, records
from owactors.core.containerproxy.events import (
    BlackboxCreationFailed,
    ContainerCreated,
    ContainerCreationFailed,
    ContainerResized,
    ContainerResumed,
    ExchangeCrashed,
    Initialized,
    LogsCollected,
    LogsFailed,
    LogsKept,
    LogsNotKept,
    ResizeFailed,
    ResumeFailed,
    RunAsked,
    RunEnded,
)
from owactors.core.containerproxy.instructions import CountUnhealthy
from owactors.core.containerproxy.job import Job, Phase
from owactors.core.containerproxy.machine import Proxy
from owactors.core.reply import ConnectionFailed
from owactors.entity.activation import ActivationResponse
from owactors.message.containerdata import PreWarmedData, WarmedData


def r1_initialize_created(proxy: Proxy, event: ContainerCreated) -> None:
    """The container of a cold start listens: its first job begins."""
    proxy.creating = False
    proxy.container = event.container
    proxy.data = PreWarmedData(event.container, proxy.prewarm_kind, proxy.prewarm_memory, 1)
    for job in list(proxy.jobs.values()):
        job.phases.update(event.phases)
        calls.begin(proxy, job, event.now)


def r12_initialize_resized(proxy: Proxy, event: ContainerResized) -> None:
    """The prewarmed container has the memory that its first job wants: that job begins."""
    for job in _resizing(proxy):
        job.phases["resize"] = event.took
        calls.begin(proxy, job, event.now)


def r13_not_resized(proxy: Proxy, event: ResizeFailed) -> None:
    """The prewarmed container is of no use for its job, which goes elsewhere."""
    for job in _resizing(proxy):
        proxy.note(f"not resized: {event.reason}", event.now)
        endings.refused(proxy, job, event.now)


def _resizing(proxy: Proxy) -> list[Job]:
    return [job for job in proxy.jobs.values() if job.phase is Phase.RESIZING]


def r2_no_container(proxy: Proxy, event: ContainerCreationFailed) -> None:
    """The platform could not make one: whisk error for the job."""
    text = response.RESOURCE_PROVISION_ERROR if event.reason is None else event.reason
    _not_created(proxy, ActivationResponse.whisk_error(text), event.now)


def r3_no_container_of_this_image(proxy: Proxy, event: BlackboxCreationFailed) -> None:
    """The user's image is to blame: developer error for the job."""
    _not_created(proxy, ActivationResponse.developer_error(event.reason), event.now)


def _not_created(proxy: Proxy, answer: ActivationResponse, now: float) -> None:
    proxy.creating = False
    for job in list(proxy.jobs.values()):
        del proxy.jobs[job.number]
        records.abort(proxy, job.run, answer, now, combined=True)
    endings.abandon(proxy, records.whisk_error(""), now)


def r4_run(proxy: Proxy, event: RunAsked) -> None:
    """Begin if the container is warm and has room, else wait in the buffer: also when the container will go, until
    the log of the job that it failed at is read.
    """
    data = proxy.data
    if (
        isinstance(data, WarmedData)
        and not proxy.resuming
        and not proxy.closing
        and not proxy.buffer
        and len(proxy.jobs) < data.action.limits.concurrency
    ):
        calls.begin(proxy, proxy.accept(event.run, Phase.RUNNING, event.now), event.now)
    else:
        proxy.buffer.append(event.run)


def r5_initialized(proxy: Proxy, event: Initialized) -> None:
    """After a good /init the container is warm: run the job that brought it, and what waits."""
    job = proxy.jobs.get(event.job)
    if job is None or proxy.container is None:
        return
    if response.is_refused(event.result.outcome):
        endings.refused(proxy, job, event.now)
        return
    failure = response.init_failure(event.result, job.run.action.limits.timeout)
    if failure is not None:
        outcome.init_failed(proxy, job, event.result, failure, event.now)
        return
    outcome.initialized(job, event.result)
    namespace = job.run.msg.user.namespace.name
    proxy.data = WarmedData(proxy.container, namespace, job.run.action, event.now, 1)
    calls.run(proxy, job, event.now)
    endings.drain_buffer(proxy, event.now)


def r6_run_ended(proxy: Proxy, event: RunEnded) -> None:
    """The answer of /run. A job that the container did not even hear goes elsewhere."""
    job = proxy.jobs.get(event.job)
    if job is None:
        return
    reply = event.result.outcome
    if response.is_refused(reply) or (type(reply) is ConnectionFailed and job.init is None):
        proxy.emit(CountUnhealthy("warm"))
        endings.refused(proxy, job, event.now)
    else:
        outcome.answered(proxy, job, event)


def r7_crashed(proxy: Proxy, event: ExchangeCrashed) -> None:
    """The platform failed at the job."""
    job = proxy.jobs.get(event.job)
    if job is not None:
        outcome.crashed(proxy, job, event.reason, event.now)


def r8_logs_collected(proxy: Proxy, event: LogsCollected) -> None:
    """The job is complete."""
    job = proxy.jobs.get(event.job)
    if job is not None:
        outcome.logs_collected(proxy, job, event)


def r9_logs_failed(proxy: Proxy, event: LogsFailed) -> None:
    """The job is complete but for its logs."""
    job = proxy.jobs.get(event.job)
    if job is not None:
        outcome.logs_failed(proxy, job, event.now)


def r14_logs_kept(proxy: Proxy, event: LogsKept) -> None:
    """The job is complete, and its log is in the files."""
    job = proxy.jobs.get(event.job)
    if job is not None:
        outcome.logs_kept(proxy, job, event.now)


def r15_logs_not_kept(proxy: Proxy, event: LogsNotKept) -> None:
    """The job is complete, but its log is not in the files."""
    job = proxy.jobs.get(event.job)
    if job is not None:
        outcome.logs_not_kept(proxy, job, event.reason, event.now)


def r10_resumed(proxy: Proxy, event: ContainerResumed) -> None:
    """The container runs again: begin the job that woke it, and what came meanwhile."""
    proxy.resuming = False
    for job in list(proxy.jobs.values()):
        job.phases["resume"] = max(0.0, event.now * 1000 - job.run.msg.transid.start - job.phases["wait"])
        calls.begin(proxy, job, event.now)
    endings.drain_buffer(proxy, event.now)


def r11_not_resumed(proxy: Proxy, event: ResumeFailed) -> None:
    """The container stays frozen: its job goes elsewhere."""
    proxy.resuming = False
    for job in list(proxy.jobs.values()):
        endings.refused(proxy, job, event.now)
