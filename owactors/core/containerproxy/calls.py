"""Begin a job: /init if the container needs it, else /run."""

from __future__ import annotations

from owactors.core.arguments import ArgumentLocked, partition_arguments, unlock_arguments
from owactors.core.containerproxy.bodies import init_body, run_body
from owactors.core.containerproxy.events import ExchangeCrashed
from owactors.core.containerproxy.instructions import InitializeContainer, RunContainer
from owactors.core.containerproxy.job import Job, Phase
from owactors.core.containerproxy.machine import Proxy
from owactors.core.logs import are_collected
from owactors.entity.size import ByteSize
from owactors.message.containerdata import WarmedData

MIB = 1024 * 1024


def begin(proxy: Proxy, job: Job, now: float) -> None:
    """Send the job's first request; a job whose arguments cannot be opened ends here."""
    msg = job.run.msg
    try:
        content = unlock_arguments(msg.content, msg.locked_args, proxy.unlocks)
    except ArgumentLocked as error:
        proxy.later(ExchangeCrashed(job.number, str(error), now))
        return
    job.environment, job.arguments = partition_arguments(content, msg.init_args)
    if isinstance(proxy.data, WarmedData):
        run(proxy, job, now)
    else:
        initialize(proxy, job, now)


def initialize(proxy: Proxy, job: Job, now: float) -> None:
    """POST /init."""
    limits = job.run.action.limits
    job.phase = Phase.INITIALIZING
    body = init_body(job.run, job.environment or {}, now)
    proxy.emit(InitializeContainer(job.number, body, limits.timeout / 1000, limits.concurrency, job.run.msg.transid))


def run(proxy: Proxy, job: Job, now: float) -> None:
    """POST /run."""
    action, user = job.run.action, job.run.msg.user
    job.phase = Phase.RUNNING
    proxy.emit(
        RunContainer(
            job=job.number,
            body=run_body(job.run, job.arguments, now),
            timeout=action.limits.timeout / 1000,
            max_concurrent=action.limits.concurrency,
            response_limit=_allowed(user.limits.max_payload_size, proxy.settings.payload_limit),
            truncation_limit=_allowed(user.limits.truncation_size, proxy.settings.truncation_limit),
            log_limit=action.limits.logs * MIB if are_collected(action, proxy.settings.log_store) else 0,
            transid=job.run.msg.transid,
        )
    )


def _allowed(of_user: ByteSize | None, of_system: ByteSize) -> int:
    return of_system.bytes if of_user is None else min(of_user.bytes, of_system.bytes)
