"""What a container pool writes to the log and counts. (OpenWhisk, ContainerPool.scala, LoggingMarkers.)"""

from __future__ import annotations

from owactors.core.containerpool import instructions as i
from owactors.entity.transaction import TransactionId
from owactors.message.pool import PoolStatus
from owactors.observe import tokens
from owactors.observe.markers import Markers
from owactors.observe.metrics import METRICS
from owactors.observe.stories import STORIES

NANNY = TransactionId.system("invokerNanny")
MARKERS = Markers("ContainerPool")
START = "containerStart containerState: %s container: %s activations: %s action: %s namespace: %s activationId: %s"


def container_start(instruction: i.SendRun, running: int) -> None:
    """An activation was given to a container; so many run in all."""
    msg, action, state = instruction.run.msg, instruction.run.action, instruction.start.value
    namespace = msg.user.namespace.name
    token = tokens.container_start(state, namespace, action.namespace.partition("/")[0], action.name)
    number, activation_id = instruction.container, msg.activation_id
    MARKERS.mark(msg.transid, token, START, state, number, running, action.name, namespace, activation_id)
    STORIES.note(activation_id, "pool", "given to container %s, which is %s; %s run in all", number, state, running)


def report_waiting(instruction: i.ReportWaiting) -> None:
    """An activation found no place."""
    memory, waiting = instruction.run.action.limits.memory, instruction.waiting
    STORIES.note(
        instruction.run.msg.activation_id, "pool", "no room for its %s MB; %s wait for a place", memory, waiting
    )
    MARKERS.mark(
        instruction.run.msg.transid,
        tokens.POOL_RESCHEDULED_ACTIVATION,
        "Rescheduling Run message, too many messages in the pool, waiting: %s, needed memory: %s MB",
        waiting,
        memory,
    )


def report_twin(instruction: i.ReportTwin) -> None:
    """An activation came a second time."""
    msg = instruction.run.msg
    MARKERS.log.warn(msg.transid, "activation %s came twice; the second was dropped", msg.activation_id)


def report_prewarm(instruction: i.ReportPrewarm) -> None:
    """Cold starts in spite of prewarming, or prewarmed containers that nobody wanted."""
    make = tokens.prewarm_cold_start if instruction.what == "coldstart" else tokens.prewarm_expired
    METRICS.count(make(f"{instruction.memory} MB", instruction.kind), instruction.count)


def report_shortage(instruction: i.ReportShortage) -> None:
    """There is no room for a prewarmed container."""
    memory, kind = instruction.memory, instruction.kind
    MARKERS.log.info(NANNY, "no room for a prewarmed container of %s with %s MB", kind, memory)


def leaked(container: int, reason: str) -> None:
    """The engine did not remove a container."""
    MARKERS.log.error(NANNY, "container %s may still be there: %s", container, reason)


def set_gauges(status: PoolStatus) -> None:
    """Now and every ten seconds."""
    for token, value in gauges(status).items():
        METRICS.gauge(token, value)


def gauges(status: PoolStatus) -> dict[tokens.Token, int]:
    """What the original's pool emits every ten seconds."""
    return {
        tokens.POOL_RUNBUFFER_COUNT: status.waiting_count,
        tokens.POOL_RUNBUFFER_SIZE: status.waiting_memory,
        tokens.POOL_ACTIVE_COUNT: status.busy_count,
        tokens.POOL_ACTIVE_SIZE: status.busy_memory,
        tokens.POOL_PREWARM_COUNT: status.prewarm_count,
        tokens.POOL_PREWARM_SIZE: status.prewarm_memory,
        tokens.POOL_IDLES_COUNT: status.idle_count,
        tokens.POOL_IDLES_SIZE: status.idle_memory,
    }
