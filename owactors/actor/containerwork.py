"""What a container proxy does beside itself: coroutines that ask the container and answer with the machine's events.

None raises (but for cancellation) and none looks at the proxy: all they need is passed in.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any

from attrs import frozen

from owactors.actor.creation import Creation, GivenUp
from owactors.actor.factories import FACTORIES
from owactors.actor.firstcalls import FIRST_CALLS
from owactors.container.port import BlackboxStartupError, Container, ContainerFactory, ContainerSpec
from owactors.container.port import WhiskContainerStartupError as StartupError
from owactors.core.containerproxy import events as e
from owactors.core.containerproxy import instructions as i
from owactors.core.reply import ContainerReply, RunResult
from owactors.entity.transaction import SYSTEM_PREFIX, TransactionId
from owactors.message.container import LogFileSettings, ProxySetup
from owactors.message.containerdata import ContainerRef
from owactors.observe.markers import Markers, now_ms
from owactors.observe.metrics import METRICS
from owactors.observe.tokens import (
    INVOKER_ACTIVATION_INIT,
    INVOKER_ACTIVATION_RUN,
    INVOKER_COLLECT_LOGS,
    container_command,
    container_phase,
)
from owactors.store.userlogs import user_logs

MARKERS = Markers("ContainerProxy")
LOG = logging.getLogger(__name__)
CARE = TransactionId.system("containerCare", now_ms())
"""What is done to containers between calls."""


@frozen(eq=False)
class Created:
    """A container of which the proxy keeps hold, and the event for the machine."""

    container: Container
    event: e.ContainerCreated


async def create(setup: ProxySetup, wanted: i.CreateContainer, creation: Creation) -> Created | e.Event:
    """Ask the factory for a container, unless it is given up."""
    marker = None
    try:
        factory: ContainerFactory = setup.factory or await FACTORIES.get(setup.factory_settings)
        if _is_own(wanted.transid):
            await FIRST_CALLS.passed(lambda: creation.given_up)
        token = container_command(factory.backend, "run")
        marker = MARKERS.started(wanted.transid, token, "making container %s of %s", wanted.name, wanted.kind)
        _observe_wait(wanted)
        container = await _made(factory, _spec(setup, wanted), creation)
    except GivenUp:
        MARKERS.log.info(wanted.transid, "container %s is not made: its memory is wanted", wanted.name)
        return e.ContainerCreationFailed(None, time.time())
    except Exception as failure:
        if marker is not None:
            MARKERS.failed(marker, "container %s could not be made: %s", wanted.name, reason_of(failure))
        else:
            LOG.warning("container %s could not be made: %s", wanted.name, reason_of(failure))
        return _not_created(failure)
    MARKERS.finished(marker, "made container %s: %s", container.id, phases_text(container.phases))
    for phase, seconds in container.phases.items():
        METRICS.time(container_phase(phase, wanted.kind), seconds * 1000)
    ref = ContainerRef(container.id, container.address)
    phases = {phase: seconds * 1000 for phase, seconds in container.phases.items()}
    return Created(container, e.ContainerCreated(ref, time.time(), phases))


async def _made(factory: ContainerFactory, spec: ContainerSpec, creation: Creation) -> Container:
    if spec.prewarm:
        return await creation.of(_rehearsed(factory, spec))
    with FIRST_CALLS.one():
        return await creation.of(factory.create(spec))


async def _rehearsed(factory: ContainerFactory, spec: ContainerSpec) -> Container:
    container = await factory.create(spec)
    try:
        await container.rehearse()
    except BaseException:
        await container.destroy()
        raise
    return container


def _not_created(failure: Exception) -> e.Event:
    if isinstance(failure, BlackboxStartupError):
        return e.BlackboxCreationFailed(str(failure), time.time())
    return e.ContainerCreationFailed(str(failure) if isinstance(failure, StartupError) else None, time.time())


def _observe_wait(wanted: i.CreateContainer) -> None:
    """How long the call that needs this container has waited so far; what the node does for itself waits for nobody."""
    if not _is_own(wanted.transid):
        waited = time.time() * 1000 - wanted.transid.start
        METRICS.time(container_phase("wait", wanted.kind), max(0.0, waited))


def _is_own(transid: TransactionId) -> bool:
    """True for what the node does by itself."""
    return transid.id.startswith(SYSTEM_PREFIX)


def phases_text(phases: Mapping[str, float]) -> str:
    """`create 0.4 ms, start 3.1 ms, …`"""
    return ", ".join(f"{name} {seconds * 1000:.1f} ms" for name, seconds in phases.items())


def _spec(setup: ProxySetup, wanted: i.CreateContainer) -> ContainerSpec:
    return ContainerSpec(
        name=wanted.name,
        kind=wanted.kind,
        image=wanted.image,
        user_provided_image=wanted.user_provided_image,
        memory=wanted.memory,
        cpu_shares=wanted.cpu_shares,
        cpu_limit=wanted.cpu_limit,
        prewarm=_is_own(wanted.transid),
        pull_policy=wanted.pull_policy,
        labels=wanted.labels,
        environment=setup.settings.environment,
    )


async def resize(container: Container, wanted: i.ResizeContainer) -> e.Event:
    """Give the container the memory that its action wants."""
    token = container_command(container.backend, "update")
    marker = MARKERS.started(wanted.transid, token, "%s gets %s MB", container.id, wanted.memory // 2**20)
    began = time.perf_counter()
    try:
        await container.resize(wanted.memory, wanted.cpu_shares, wanted.cpu_limit)
    except Exception as failure:
        MARKERS.failed(marker, "container %s could not be resized: %s", container.id, reason_of(failure))
        return e.ResizeFailed(reason_of(failure), time.time())
    took = (time.perf_counter() - began) * 1000
    MARKERS.finished(marker)
    METRICS.time(container_phase("resize", container.kind), took)
    return e.ContainerResized(took, time.time())


async def initialize(container: Container, wanted: i.InitializeContainer) -> e.Event:
    """POST /init."""
    marker = MARKERS.started(wanted.transid, INVOKER_ACTIVATION_INIT, "sending initialization to %s", container.id)
    try:
        with FIRST_CALLS.one():
            result = await container.initialize(wanted.body, wanted.timeout, wanted.max_concurrent)
    except Exception as failure:
        MARKERS.failed(marker, "initialization raised: %s", reason_of(failure))
        return e.ExchangeCrashed(wanted.job, reason_of(failure), time.time())
    MARKERS.finished(marker, "initialization result: %s", brief(result), end_ms=result.interval.end)
    METRICS.time(container_phase("init", container.kind), result.interval.duration)
    return e.Initialized(wanted.job, result, time.time())


async def run(container: Container, wanted: i.RunContainer) -> e.Event:
    """POST /run."""
    marker = MARKERS.started(wanted.transid, INVOKER_ACTIVATION_RUN, "sending arguments to %s", container.id)
    try:
        result = await container.run(
            wanted.body,
            wanted.timeout,
            wanted.max_concurrent,
            response_limit=wanted.response_limit,
            truncation_limit=wanted.truncation_limit,
            log_limit=wanted.log_limit,
        )
    except Exception as failure:
        MARKERS.failed(marker, "run raised: %s", reason_of(failure))
        return e.ExchangeCrashed(wanted.job, reason_of(failure), time.time())
    MARKERS.finished(marker, "running result: %s", brief(result), end_ms=result.interval.end)
    METRICS.time(container_phase("run", container.kind), result.interval.duration)
    return e.RunEnded(wanted.job, result, time.time(), _logs_at_hand(container, wanted))


def _logs_at_hand(container: Container, wanted: i.RunContainer) -> e.LogsCollected | None:
    """What the activation printed, if it is wanted and all of it came before its answer."""
    if not wanted.log_limit:
        return None
    logs = container.logs_at_hand(wanted.log_limit, wanted.body.get("activation_id", ""))
    if logs is None:
        return None
    MARKERS.finished(MARKERS.started(wanted.transid, INVOKER_COLLECT_LOGS))
    return e.LogsCollected(wanted.job, logs.lines, logs.state, time.time())


async def collect_logs(container: Container, wanted: i.CollectLogs) -> e.Event:
    """Read what the activation printed. Truncated logs are complete: the container may go on."""
    marker = MARKERS.started(wanted.transid, INVOKER_COLLECT_LOGS)
    try:
        logs = await container.logs(wanted.limit, wanted.wait_for_sentinel, wanted.activation_id)
    except Exception as failure:
        MARKERS.failed(marker, "reading logs raised: %s", reason_of(failure))
        return e.LogsFailed(wanted.job, reason_of(failure), time.time())
    if logs.state == "timed_out":
        MARKERS.failed(marker, "the logs are incomplete")
    else:
        MARKERS.finished(marker)
    return e.LogsCollected(wanted.job, logs.lines, logs.state, time.time())


async def keep_logs(files: LogFileSettings, wanted: i.KeepLogs) -> e.Event:
    """Write the log into the files."""
    try:
        await user_logs(files).keep(wanted.record, wanted.lines, wanted.namespace_id)
    except Exception as failure:
        return e.LogsNotKept(wanted.job, reason_of(failure), time.time())
    return e.LogsKept(wanted.job, time.time())


async def pause(container: Container) -> e.Event:
    """Freeze the container."""
    marker = MARKERS.started(CARE, container_command(container.backend, "pause"), "pausing %s", container.id)
    try:
        await container.suspend()
    except Exception as failure:
        MARKERS.failed(marker, "container %s could not be paused: %s", container.id, reason_of(failure))
        return e.PauseFailed(reason_of(failure), time.time())
    MARKERS.finished(marker)
    return e.ContainerPaused(time.time())


async def resume(container: Container) -> e.Event:
    """Thaw the container for a call."""
    began = time.perf_counter()
    event = await _thaw(container)
    if isinstance(event, e.ContainerResumed):
        METRICS.time(container_phase("resume", container.kind), (time.perf_counter() - began) * 1000)
    return event


async def _thaw(container: Container) -> e.Event:
    marker = MARKERS.started(CARE, container_command(container.backend, "unpause"), "resuming %s", container.id)
    try:
        await container.resume()
    except Exception as failure:
        MARKERS.failed(marker, "container %s could not be resumed: %s", container.id, reason_of(failure))
        return e.ResumeFailed(reason_of(failure), time.time())
    MARKERS.finished(marker)
    return e.ContainerResumed(time.time())


async def destroy(container: Container, resume_first: bool) -> e.Event:
    """Remove the container; a frozen one is thawed before, if that works."""
    marker = None
    try:
        if resume_first:
            await _thaw(container)
        marker = MARKERS.started(CARE, container_command(container.backend, "rm"), "removing %s", container.id)
        await container.destroy()
    except Exception as failure:
        if marker is not None:
            MARKERS.failed(marker, "container %s could not be removed: %s", container.id, reason_of(failure))
        return e.DestroyFailed(reason_of(failure), time.time())
    MARKERS.finished(marker)
    return e.ContainerDestroyed(time.time())


def brief(result: RunResult) -> object:
    """The outcome in a word: its status, or how it failed."""
    outcome = result.outcome
    return outcome.status if isinstance(outcome, ContainerReply) else outcome


def reason_of(failure: BaseException) -> str:
    """Class and text of an exception."""
    return f"{type(failure).__name__}: {failure}" if str(failure) else type(failure).__name__


def crashed(failure: BaseException) -> Any:
    """The event for a coroutine of this module that raised all the same."""
    return e.ShellFailed(reason_of(failure), time.time())
