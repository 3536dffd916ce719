"""How an activation ends: acknowledgement, record, credit.

| blocking | logs to collect          | acknowledgements                                    |
|----------|--------------------------|-----------------------------------------------------|
| yes      | yes                      | ResultMessage now, CompletionMessage after the logs |
| yes      | no, or read already      | CombinedCompletionAndResultMessage now              |
| no       | yes                      | CompletionMessage after the logs                    |
| no       | no, or read already      | CompletionMessage now                               |

Without the setting `one_ack` logs that were read already count as logs to collect.
"""

from __future__ import annotations

from owactors.core import logs, response
from owactors.core.activationrecord import activation_record, record_with_logs
from owactors.core.containerproxy.instructions import Acknowledge, Store, Warn
from owactors.core.containerproxy.machine import Proxy
from owactors.core.reply import Interval
from owactors.entity.activation import (
    APPLICATION_ERROR,
    DEVELOPER_ERROR,
    WHISK_ERROR,
    ActivationResponse,
    WhiskActivation,
)
from owactors.message.ack import (
    AcknowledgementMessage,
    CombinedCompletionAndResultMessage,
    CompletionMessage,
)
from owactors.message.container import Run, SendAck, StoreActivation
from owactors.message.payload import json_bytes

LOGGED_RESULT = 1024


def whisk_error(reason: str) -> ActivationResponse:
    """The response of an activation at which the platform failed."""
    return ActivationResponse.whisk_error(f"{response.ABNORMAL_RUN} ({reason})" if reason else response.ABNORMAL_RUN)


def abort(proxy: Proxy, run: Run, answer: ActivationResponse, now: float, combined: bool = False) -> None:
    """End a Run that was never begun. `combined`: acknowledge as a failed start does, blocking or not."""
    shared = proxy.shared_annotations(run.action)
    record = activation_record(run.action, run.msg, answer, Interval.zero(int(now * 1000)), shared=shared)
    warn(proxy, record, run)
    end(proxy, run, record, combined_ack(proxy, run, record) if combined else blocking_ack(proxy, run, record))


def end(proxy: Proxy, run: Run, record: WhiskActivation, ack: AcknowledgementMessage) -> None:
    """The one place where an activation ends: its last acknowledgement, its record, its credit."""
    acknowledge(proxy, run, ack)
    proxy.emit(Store(StoreActivation(run.msg.transid, record, run.msg.user, run.msg.blocking)))
    proxy.unreported_ids.append(run.msg.activation_id)
    proxy.ended += 1


def acknowledge(proxy: Proxy, run: Run, ack: AcknowledgementMessage) -> None:
    """Send an acknowledgement to the controller that the Run came from."""
    msg = run.msg
    proxy.emit(Acknowledge(SendAck(ack, msg.root_controller_index, msg.blocking, msg.user)))


def blocking_ack(proxy: Proxy, run: Run, record: WhiskActivation) -> AcknowledgementMessage:
    """What ends an activation of which nothing was acknowledged yet."""
    return combined_ack(proxy, run, record) if run.msg.blocking else completion(proxy, run, record)


def combined_ack(proxy: Proxy, run: Run, record: WhiskActivation) -> AcknowledgementMessage:
    """Answer and completion in one."""
    is_system_error = record.response.is_whisk_error
    return CombinedCompletionAndResultMessage(run.msg.transid, record, is_system_error, proxy.settings.instance)


def completion(proxy: Proxy, run: Run, record: WhiskActivation) -> CompletionMessage:
    is_system_error = record.response.is_whisk_error
    return CompletionMessage(run.msg.transid, run.msg.activation_id, is_system_error, proxy.settings.instance)


def warn(proxy: Proxy, record: WhiskActivation, run: Run) -> None:
    """Log a failed activation, if its kind of failure is wanted in the log; a long result is cut."""
    wanted = proxy.settings.log_errors
    switches = {
        APPLICATION_ERROR: wanted.application_errors,
        DEVELOPER_ERROR: wanted.developer_errors,
        WHISK_ERROR: wanted.whisk_errors,
    }
    if not switches.get(record.response.status_code, False):
        return
    result = json_bytes(record.response.result).decode()
    text = result if len(result) <= LOGGED_RESULT else result[:LOGGED_RESULT] + "..."
    proxy.emit(Warn(f"activation {record.activation_id} failed: {text}", run.msg.transid))


def end_with_logs(
    proxy: Proxy, run: Run, record: WhiskActivation, lines: tuple[str, ...], state: logs.LogState, answered: bool = True
) -> None:
    """End an activation whose logs were collected, or at least tried; the record says which.

    `answered`: who waits for the result has it, so that only the completion is still to be told.
    """
    ack = completion(proxy, run, record) if answered else blocking_ack(proxy, run, record)
    end(proxy, run, noted(proxy, record, lines, state), ack)


def noted(proxy: Proxy, record: WhiskActivation, lines: tuple[str, ...], state: logs.LogState) -> WhiskActivation:
    """The record with these lines and, where that is wanted, how they were read."""
    return record_with_logs(record, lines, state if proxy.settings.annotations else None)


def end_without_logs(proxy: Proxy, run: Run, record: WhiskActivation) -> None:
    """End an activation whose logs are lost: one line says so."""
    end_with_logs(proxy, run, record, (logs.LOG_FAILURE,), "failed")
