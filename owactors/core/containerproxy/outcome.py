"""From what a job's request brought to the end of the job."""

from __future__ import annotations

from datetime import UTC, datetime

from owactors.core import logs, response
from owactors.core.activationrecord import activation_record, total_interval
from owactors.core.containerproxy import endings, records
from owactors.core.containerproxy.events import LogsCollected, RunEnded
from owactors.core.containerproxy.instructions import CollectLogs, KeepLogs, Warn
from owactors.core.containerproxy.job import Job, Phase
from owactors.core.containerproxy.machine import Proxy
from owactors.core.reply import Interval, RunResult
from owactors.entity.activation import DEVELOPER_ERROR, SUCCESS, ActivationResponse, WhiskActivation
from owactors.message.ack import ResultMessage

MIB = 1024 * 1024


def init_failed(proxy: Proxy, job: Job, result: RunResult, failure: ActivationResponse, now: float) -> None:
    """The container could not be initialized: the job ends with `failure`."""
    initialized(job, result)
    timed_out = response.is_over_time(result, job.run.action.limits.timeout)
    _settle(proxy, job, failure, result.interval, timed_out, now)


def initialized(job: Job, result: RunResult) -> None:
    """/init has ended, well or not."""
    job.init = result.interval
    job.phases["init"] = result.interval.duration


def answered(proxy: Proxy, job: Job, event: RunEnded) -> None:
    """/run ended: the job ends with what it answered."""
    result = event.result
    timeout = job.run.action.limits.timeout
    answer = response.run_response(result, timeout)
    total = total_interval(result.interval, job.init)
    job.phases["run"] = result.interval.duration
    _settle(proxy, job, answer, total, response.is_over_time(result, timeout), event.now, event.logs)


def crashed(proxy: Proxy, job: Job, reason: str, now: float) -> None:
    """The platform failed at this job: it ends with a whisk error that names the reason."""
    _settle(proxy, job, records.whisk_error(reason), Interval.zero(int(now * 1000)), False, now)


def _settle(
    proxy: Proxy,
    job: Job,
    answer: ActivationResponse,
    total: Interval,
    timed_out: bool,
    now: float,
    log: LogsCollected | None = None,
) -> None:
    """The result is known: answer who waits, then collect the logs or end the job. `log`: it was read already."""
    run = job.run
    shared = proxy.shared_annotations(run.action)
    phases = job.phases if proxy.settings.annotations else None
    job.record = activation_record(run.action, run.msg, answer, total, job.init, timed_out, shared, phases)
    if answer.status_code != SUCCESS:
        records.warn(proxy, job.record, run)
    proxy.closing = proxy.closing or not _is_reusable(answer)
    if not logs.are_collected(run.action, proxy.settings.log_store):
        if run.action.limits.logs:
            job.record = records.noted(proxy, job.record, (), "out_of_band")
        records.end(proxy, run, job.record, records.blocking_ack(proxy, run, job.record))
        endings.ended(proxy, job, _is_reusable(answer), now)
        return
    if log is not None and proxy.settings.one_ack and proxy.settings.log_store not in logs.IN_FILES:
        logs_collected(proxy, job, log)
        return
    if run.msg.blocking:
        records.acknowledge(proxy, run, ResultMessage(run.msg.transid, job.record))
        job.answered = True
    if log is not None:
        logs_collected(proxy, job, log)
        return
    job.phase = Phase.COLLECTING
    waits = logs.waits_for_sentinel(run.action, answer, proxy.settings.unsentinelled_kinds)
    limit = run.action.limits.logs * MIB
    proxy.emit(CollectLogs(job.number, limit, waits, run.msg.transid, run.msg.activation_id))


def logs_collected(proxy: Proxy, job: Job, event: LogsCollected) -> None:
    """The log is read: the job ends with it, or it is written into files first."""
    record = _recorded(job)
    lines = event.lines
    if record.response.status_code == DEVELOPER_ERROR:
        time = datetime.fromtimestamp(event.now, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        lines = logs.with_warning(lines, record.response, time)
    job.lines, job.log_state = lines, event.state
    store = proxy.settings.log_store
    if store not in logs.IN_FILES:
        _end_with_logs(proxy, job, event.now)
        return
    job.phase = Phase.KEEPING
    told = records.noted(proxy, record, (), "out_of_band" if store == "out-of-band" else event.state)
    user, transid = job.run.msg.user, job.run.msg.transid
    proxy.emit(KeepLogs(job.number, told, lines, user.namespace.uuid, transid))


def logs_kept(proxy: Proxy, job: Job, now: float) -> None:
    """The log is in the files: the job ends with it too, or without it if the files are all that is wanted."""
    _end_with_logs(proxy, job, now, in_record=proxy.settings.log_store != "out-of-band")


def logs_not_kept(proxy: Proxy, job: Job, reason: str, now: float) -> None:
    """The files cannot be written: the log goes into the record, whatever is wanted."""
    msg = job.run.msg
    proxy.emit(Warn(f"the log of activation {msg.activation_id} is not in a file: {reason}", msg.transid))
    _end_with_logs(proxy, job, now)


def _end_with_logs(proxy: Proxy, job: Job, now: float, in_record: bool = True) -> None:
    """The job ends; the container is kept if it is in step with its log."""
    record = _recorded(job)
    if in_record:
        records.end_with_logs(proxy, job.run, record, job.lines, job.log_state, job.answered)
    else:
        records.end_with_logs(proxy, job.run, record, (), "out_of_band", job.answered)
    endings.ended(proxy, job, job.log_state in logs.IN_STEP and _is_reusable(record.response), now)


def logs_failed(proxy: Proxy, job: Job, now: float) -> None:
    """The job ends with a line that says that its logs are missing; the container goes."""
    records.end_without_logs(proxy, job.run, _recorded(job))
    endings.ended(proxy, job, False, now)


def _recorded(job: Job) -> WhiskActivation:
    if job.record is None:
        raise ValueError(f"job {job.number} has no result yet")
    return job.record


def _is_reusable(answer: ActivationResponse) -> bool:
    """True when a container that answered so may run again."""
    return answer.status_code < DEVELOPER_ERROR
