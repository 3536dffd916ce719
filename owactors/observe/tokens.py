"""The names of markers and metrics, by OpenWhisk's words. (OpenWhisk, Logging.scala, LoggingMarkers.)

A token is `component_action_state` or `component_action.subAction_state`; states are start, finish, error, counter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property, lru_cache
from types import MappingProxyType

from attrs import evolve, field, frozen


def _pairs(tags: Mapping[str, str] | Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(tags.items() if isinstance(tags, Mapping) else tags))


@frozen(slots=False, cache_hash=True)
class Token:
    """One name. `tags` and the sub-action tell apart what is counted under it."""

    component: str
    action: str
    state: str
    sub_action: str = ""
    tags: tuple[tuple[str, str], ...] = field(default=(), converter=_pairs)

    @cached_property
    def text(self) -> str:
        """As it stands in a marker: `invoker_docker.run_start`."""
        sub = f".{self.sub_action}" if self.sub_action else ""
        return f"{self.component}_{self.action}{sub}_{self.state}"

    @cached_property
    def metric(self) -> str:
        """As it stands in a metric's name, where tags take the sub-action's place."""
        return (f"{self.component}_{self.action}_{self.state}" if self.tags else self.text).replace(".", "_")

    @cached_property
    def finish(self) -> Token:
        return evolve(self, state="finish")

    @cached_property
    def error(self) -> Token:
        return evolve(self, state="error")


def timed(component: str, action: str, sub_action: str = "", tags: Mapping[str, str] = MappingProxyType({})) -> Token:
    """The start token of something that lasts."""
    return Token(component, action, "start", sub_action, tags)


def counted(component: str, action: str, sub_action: str = "", tags: Mapping[str, str] = MappingProxyType({})) -> Token:
    """The token of something that is only counted or measured."""
    return Token(component, action, "counter", sub_action, tags)


CONTROLLER_ACTIVATION = timed("controller", "activation")
CONTROLLER_ACTIVATION_BLOCKING = timed("controller", "blockingActivation")
CONTROLLER_BLOCKING_DATABASE_RETRIEVAL = counted("controller", "blockingActivationDatabaseRetrieval")
CONTROLLER_LOADBALANCER = timed("controller", "loadbalancer")
CONTROLLER_KAFKA = timed("controller", "kafka")

INVOKER_ACTIVATION = timed("invoker", "activation")
INVOKER_ACTIVATION_INIT = timed("invoker", "activationInit")
INVOKER_ACTIVATION_RUN = timed("invoker", "activationRun")
INVOKER_COLLECT_LOGS = timed("invoker", "collectLogs")

LOADBALANCER_ACTIVATIONS = counted("loadbalancer", "activations")
CONTAINER_CLIENT_RETRIES = counted("containerClient", "retries")
POOL_RESCHEDULED_ACTIVATION = counted("containerPool", "rescheduledActivation")
POOL_RUNBUFFER_COUNT = counted("containerPool", "runBufferCount")
POOL_RUNBUFFER_SIZE = counted("containerPool", "runBufferSize")
POOL_ACTIVE_COUNT = counted("containerPool", "activeCount")
POOL_ACTIVE_SIZE = counted("containerPool", "activeSize")
POOL_PREWARM_COUNT = counted("containerPool", "prewarmCount")
POOL_PREWARM_SIZE = counted("containerPool", "prewarmSize")
POOL_IDLES_COUNT = counted("containerPool", "idlesCount")
POOL_IDLES_SIZE = counted("containerPool", "idlesSize")

DATABASE_CACHE_HIT = counted("database", "cacheHit")
DATABASE_CACHE_MISS = counted("database", "cacheMiss")
DATABASE_SAVE = timed("database", "saveDocument")
DATABASE_BULK_SAVE = timed("database", "saveDocumentBulk")
DATABASE_DELETE = timed("database", "deleteDocument")
DATABASE_GET = timed("database", "getDocument")
DATABASE_QUERY = timed("database", "queryView")
DATABASE_ATTACHMENT_GET = timed("database", "getDocumentAttachment")
DATABASE_ATTACHMENT_SAVE = timed("database", "saveDocumentAttachment")
DATABASE_ATTACHMENT_DELETE = timed("database", "deleteDocumentAttachment")
DATABASE_BATCH_SIZE = counted("database", "batchSize")


@lru_cache(maxsize=4096)
def container_start(state: str, initiator: str, namespace: str, action: str) -> Token:
    """A container was found for a call: `state` is cold, prewarmed, recreated, warmed, warming or warmingCold."""
    return counted(
        "invoker",
        "containerStart",
        state,
        {"containerState": state, "initiator": initiator, "namespace": namespace, "action": action},
    )


@lru_cache(maxsize=64)
def docker_command(command: str) -> Token:
    """A call of the Docker engine: run, rm, pull, inspect, pause, unpause."""
    return timed("invoker", "docker", command, {"cmd": command})


@lru_cache(maxsize=64)
def container_command(backend: str, command: str) -> Token:
    """A call of any back end, in the words of the Docker engine: run, rm, pause, unpause."""
    return timed("invoker", backend, command, {"cmd": command})


@lru_cache(maxsize=1024)
def container_phase(phase: str, kind: str) -> Token:
    """A part of a call's way to its answer: wait, pull, queue, create, start, ready, init, run."""
    return Token("container", "phase", "finish", tags={"phase": phase, "kind": kind})


@lru_cache(maxsize=64)
def container_health_failed(state: str) -> Token:
    """A container did not accept a connection: `state` is warm or prewarm."""
    return counted("invoker", "containerHealthFailed", state, {"containerState": state})


@lru_cache(maxsize=256)
def prewarm_cold_start(memory: str, kind: str) -> Token:
    """A cold start happened although the kind is kept prewarmed."""
    return counted("containerPool", "prewarmColdstart", tags={"memory": memory, "kind": kind})


@lru_cache(maxsize=256)
def prewarm_expired(memory: str, kind: str) -> Token:
    """A prewarmed container was removed because nobody wanted it."""
    return counted("containerPool", "prewarmExpired", tags={"memory": memory, "kind": kind})


@lru_cache(maxsize=64)
def invoker_state(state: str) -> Token:
    """An invoker became unhealthy, unresponsive or down."""
    return counted("loadbalancer", "invokerState", state, {"state": state})


@lru_cache(maxsize=64)
def completion_ack(controller: str, kind: str) -> Token:
    """A completion came: `kind` is regular, forced, healthcheck, regularAfterForced or forcedAfterRegular."""
    return counted("loadbalancer", "completionAck", tags={"controller_id": controller, "type": kind})


@lru_cache(maxsize=64)
def in_flight(controller: str, what: str) -> Token:
    """What a controller has under way: `what` is activations, memory, memoryBlackbox or memoryManaged (MB)."""
    return counted("loadbalancer", f"{what}Inflight", tags={"controller_id": controller})


@lru_cache(maxsize=16)
def total_capacity(part: str) -> Token:
    """MB of the usable invokers of a part: Managed or BlackBox."""
    return counted("loadbalancer", f"totalCapacity{part}")


@lru_cache(maxsize=16)
def total_invokers(state: str, part: str) -> Token:
    """Invokers of a part, Managed or BlackBox, that are Healthy, Unhealthy, Unresponsive or Offline."""
    return counted("loadbalancer", f"total{state}Invoker{part}")


@lru_cache(maxsize=16)
def system_overload(part: str) -> Token:
    """All usable invokers of a part, managed or blackBox, were full: one was taken by chance."""
    return counted("controller", f"{part}InvokerSystemOverload")


@lru_cache(maxsize=64)
def http_first(outcome: str) -> Token:
    """Activations that could go over HTTP, which OpenWhisk has not, by outcome (owactors.connector.http.ways)."""
    return counted("loadbalancer", "httpFirst", tags={"outcome": outcome})


@lru_cache(maxsize=256)
def topic_lag(topic: str) -> Token:
    """Records of a topic that its reader here has not polled."""
    return counted("kafka", "topic", tags={"topic": topic})


@lru_cache(maxsize=256)
def unreadable_message(topic: str) -> Token:
    """Messages of a topic that could not be read, which OpenWhisk does not count."""
    return counted("kafka", "unreadable", tags={"topic": topic})


@lru_cache(maxsize=1024)
def http_access(method: str, status: int) -> Token:
    """A request was answered. (OpenWhisk, BasicHttpService.scala.)"""
    return counted("http", method.lower(), str(status), {"method": method.lower(), "status": str(status)})
