"""Rules for the logs of activations. (OpenWhisk, DockerToActivationLogStore.scala, LogLine.scala.)"""

from __future__ import annotations

from typing import Literal

from owactors.entity.action import WhiskAction
from owactors.entity.activation import DEVELOPER_ERROR, ActivationResponse
from owactors.message.container import LogStore

SENTINEL = "XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX"
LOG_FAILURE = "There was an issue while collecting your logs. Data might be missing."
LOG_WARNING_DEVELOPER_ERROR = "The action did not initialize or run as expected. Log data might be missing."
TIME_COLUMNS = 30

#: How a log was read: to its end; cut at the action's limit; its end marks did not come; it could not be read; or it
#: is not in the record.
LogState = Literal["complete", "truncated", "timed_out", "failed", "out_of_band"]
#: Log stores that write files.
IN_FILES: frozenset[LogStore] = frozenset({"file", "out-of-band"})
#: A container whose log was read so is still in step with its reader and may run again.
IN_STEP: frozenset[LogState] = frozenset({"complete", "truncated"})


def truncated_logs(limit: int) -> str:
    """The text after logs that were cut at `limit` bytes."""
    return f"Logs were truncated because the total bytes size exceeds the limit of {limit} bytes."


def log_line(time: str, stream: str, text: str) -> str:
    """`TIME stream: text`, the time padded to 30 columns."""
    return f"{time:<{TIME_COLUMNS}} {stream}: {text}"


def are_collected(action: WhiskAction, store: LogStore) -> bool:
    """True when logs are read: the action's limit is not 0 and the engine's log driver does not take them."""
    return store != "driver" and action.limits.logs != 0


def waits_for_sentinel(action: WhiskAction, response: ActivationResponse, unsentinelled: frozenset[str]) -> bool:
    """True when end marks can be expected: the runtime writes them, and it was not the runtime that broke."""
    if response.status_code == DEVELOPER_ERROR:
        return False
    return action.sentinelled_logs and action.exec.kind not in unsentinelled


def with_warning(lines: tuple[str, ...], response: ActivationResponse, time: str) -> tuple[str, ...]:
    """The lines, and after a developer error one more that warns of missing data. `time`: RFC 3339 text."""
    if response.status_code != DEVELOPER_ERROR:
        return lines
    return (*lines, log_line(time, "stderr", LOG_WARNING_DEVELOPER_ERROR))
