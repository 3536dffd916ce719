"""The container proxy's actor: feeds the machine, carries out what it says. (OpenWhisk, ContainerProxy.scala.)

All decisions are in `core.containerproxy`. When a handler raises, every job ends with the reason, the container is
removed and the pool is told.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Coroutine
from typing import Any, ClassVar

from thespian.actors import ActorAddress

from owactors.actor import containerwork
from owactors.actor.beginnings import BEGINNINGS
from owactors.actor.containerwork import Created
from owactors.actor.creation import Creation
from owactors.actor.io import on
from owactors.actor.livelogs import LineTeller
from owactors.actor.tcppingclient import TCPPingClient
from owactors.container.port import Container
from owactors.core.arguments import Unlock
from owactors.core.containerproxy import events as e
from owactors.core.containerproxy import instructions as i
from owactors.core.containerproxy.proxy import ContainerProxy as Machine
from owactors.core.parameterencryption import ParameterEncryption, read_keys
from owactors.entity.transaction import UNKNOWN
from owactors.message.container import (
    ContainerDestroyed,
    Dismiss,
    HealthPingEnabled,
    HealthPingFailed,
    PingSetup,
    ProxySettings,
    ProxySetup,
    Remove,
    Run,
    Start,
)
from owactors.message.livelogs import FollowLogs
from owactors.observe.stories import STORIES
from owactors.observe.tokens import container_health_failed

#: name of a timer -> the event when it fires
TIMED: dict[str, Callable[[float], e.Event]] = {
    i.IDLE_TIMER: e.IdleTimerFired,
    i.LINGER_TIMER: e.LingerOver,
    i.DESTROY_TIMER: e.DestroyRetryDue,
}
OUTCOMES = (
    e.ContainerCreationFailed,
    e.BlackboxCreationFailed,
    e.ContainerResized,
    e.ResizeFailed,
    e.Initialized,
    e.RunEnded,
    e.ExchangeCrashed,
    e.LogsCollected,
    e.LogsFailed,
    e.LogsKept,
    e.LogsNotKept,
    e.ContainerPaused,
    e.PauseFailed,
    e.ContainerResumed,
    e.ResumeFailed,
    e.ContainerDestroyed,
    e.DestroyFailed,
    e.ShellFailed,
)


class TimerFired(str):
    """To itself: the timer of this name is due."""

    __slots__ = ()


class ContainerProxy(LineTeller):
    """One container. First message: ProxySetup, whose sender is the pool."""

    _does: ClassVar[dict[type, Callable[[ContainerProxy, Any], None]]] = {}

    def __init__(self) -> None:
        super().__init__()
        self._machine: Machine | None = None
        self._setup: ProxySetup | None = None
        self._pool: ActorAddress = None
        self._container: Container | None = None
        self._creation = Creation()
        self._ping: ActorAddress | None = None
        self._exiting = False

    # -- what comes in

    @on(ProxySetup)
    def _set_up(self, message: ProxySetup, sender: ActorAddress) -> None:
        self._setup, self._pool = message, sender
        self._machine = Machine(message.settings, message.number, _unlocks(message.settings))

    @on(Start)
    def _start(self, message: Start, sender: ActorAddress) -> None:
        self._feed(e.StartAsked(message, time.time()))

    @on(Run)
    def _run(self, message: Run, sender: ActorAddress) -> None:
        if self._machine is None:
            self.log.error("a Run came before ProxySetup; it goes back")
            self.tell(sender, message)
            return
        self._feed(e.RunAsked(message, time.time()))

    @on(Remove)
    def _remove(self, message: Remove, sender: ActorAddress) -> None:
        self._feed(e.RemoveAsked(time.time()))

    @on(Dismiss)
    def _dismiss(self, message: Dismiss, sender: ActorAddress) -> None:
        self._feed(e.DismissAsked(time.time()))

    @on(HealthPingFailed)
    def _ping_failed(self, message: HealthPingFailed, sender: ActorAddress) -> None:
        self._ping = None
        self._feed(e.HealthPingFailed(message.reason, time.time()))

    @on(TimerFired)
    def _timer_fired(self, message: TimerFired, sender: ActorAddress) -> None:
        self._feed(TIMED[message](time.time()))

    @on(Created)
    def _created(self, message: Created, sender: ActorAddress) -> None:
        self._container = message.container
        took = containerwork.phases_text(message.container.phases) or "at once"
        self._note_all("container %s is ready: %s", message.container.id, took)
        self._feed(message.event)

    @on(*OUTCOMES)
    def _outcome(self, message: e.Event, sender: ActorAddress) -> None:
        ended = _ENDED.get(type(message))
        if ended is not None:
            self._note(message.job, ended(message))  # type: ignore[union-attr]
        elif isinstance(message, e.ContainerCreationFailed | e.BlackboxCreationFailed):
            self._note_all("there is no container: %s", message.reason)
        self._feed(message)

    def _note(self, number: int, what: str, *args: object) -> None:
        """A step in the story of a job's activation."""
        job = self._machine.jobs.get(number) if self._machine else None
        if job is not None:
            STORIES.note(job.run.msg.activation_id, "container", what, *args)

    def _note_all(self, what: str, *args: object) -> None:
        for number in self._machine.jobs if self._machine else ():
            self._note(number, what, *args)

    # -- the machine

    def _feed(self, event: e.Event) -> None:
        """One event; if the machine or an instruction fails, whatever can still be done is done, then it is told."""
        machine = self._machine
        if machine is None:
            self.log.error("%s came before ProxySetup", type(event).__name__)
            return
        failure: Exception | None = None
        try:
            instructions = machine.handle(event)
        except Exception as raised:
            instructions, failure = machine.instructions, raised
        does = self._does
        for instruction in instructions:
            try:
                does[type(instruction)](self, instruction)
            except Exception as raised:
                self.log.error("%s was not carried out", type(instruction).__name__, exc_info=raised)
                failure = failure or raised
        if failure is not None:
            self._give_up(failure, type(event) is e.ShellFailed)

    def _give_up(self, failure: Exception, again: bool) -> None:
        """End every job with the reason. A failure while doing so is only logged: there is nothing else to try."""
        machine = self._machine
        story = machine.story() if machine else []
        self.log.error("the proxy failed; story:\n  %s", "\n  ".join(story), exc_info=failure)
        if not again:
            self._feed(e.ShellFailed(containerwork.reason_of(failure), time.time()))

    def on_failure(self, failure: Exception) -> None:
        """Jobs end with the reason, the container goes, the pool is told."""
        self._give_up(failure, False)

    @on(FollowLogs)
    def _followed(self, message: FollowLogs, sender: ActorAddress) -> None:
        """In another process than the invoker its lines are told here."""
        if message.heard_in != os.getpid():
            self.follow(message)

    def on_exit(self) -> None:
        """Told to exit: jobs inside end with that reason and are reported. The container is removed without us."""
        self._exiting = True
        machine = self._machine
        if machine is not None and not machine.destroyed:
            self._feed(e.ShellFailed("the invoker stops", time.time()))
        if machine is not None and not machine.destroyed:
            finished, ended = machine.take_unreported()
            self.tell(self._pool, ContainerDestroyed(finished, "its proxy stopped before it was gone", ended))

    def _beside(self, work: Coroutine[Any, Any, Any]) -> None:
        if self._exiting:
            _without_actor(work)
        else:
            self.spawn(work, done=_same, failed=containerwork.crashed)

    def _needed(self) -> Container:
        if self._container is None:
            raise RuntimeError("there is no container yet")
        return self._container

    # -- what the machine says

    def _tell_pool(self, instruction: i.TellPool) -> None:
        self.tell(self._pool, instruction.message)

    def _acknowledge(self, instruction: i.Acknowledge) -> None:
        self.tell(self._setup.acks, instruction.message)  # type: ignore[union-attr]

    def _store(self, instruction: i.Store) -> None:
        self.tell(self._setup.store, instruction.message)  # type: ignore[union-attr]

    def _create(self, instruction: i.CreateContainer) -> None:
        if self._setup is not None:
            self._note_all("a container of %s with %s MB is made", instruction.kind, instruction.memory // 2**20)
            self._creation = Creation()
            self._beside(containerwork.create(self._setup, instruction, self._creation))

    def _give_up_creation(self, instruction: i.GiveUpCreation) -> None:
        self._creation.give_up()

    def _resize(self, instruction: i.ResizeContainer) -> None:
        self._note_all("the prewarmed container gets %s MB", instruction.memory // 2**20)
        self._beside(containerwork.resize(self._needed(), instruction))

    def _initialize(self, instruction: i.InitializeContainer) -> None:
        self._note(instruction.job, "/init begins in container %s", self._needed().id)
        self._begins(instruction.job)
        self._beside(containerwork.initialize(self._needed(), instruction))

    def _run_container(self, instruction: i.RunContainer) -> None:
        self._note(instruction.job, "/run begins in container %s", self._needed().id)
        self._begins(instruction.job)
        self._beside(containerwork.run(self._needed(), instruction))

    def _begins(self, number: int) -> None:
        job = self._machine.jobs.get(number) if self._machine else None
        if job is not None:
            BEGINNINGS.note(job.run.msg.activation_id)

    def _collect_logs(self, instruction: i.CollectLogs) -> None:
        self._beside(containerwork.collect_logs(self._needed(), instruction))

    def _keep_logs(self, instruction: i.KeepLogs) -> None:
        files = self._setup.settings.log_files if self._setup else None
        if files is None:
            raise RuntimeError("it is not known where log files are")
        self._beside(containerwork.keep_logs(files, instruction))

    def _pause(self, instruction: i.PauseContainer) -> None:
        self._beside(containerwork.pause(self._needed()))

    def _resume(self, instruction: i.ResumeContainer) -> None:
        self._note_all("the container was paused; it is resumed")
        self._beside(containerwork.resume(self._needed()))

    def _destroy(self, instruction: i.DestroyContainer) -> None:
        self._beside(containerwork.destroy(self._needed(), instruction.resume_first))

    def _set_timer(self, instruction: i.SetTimer) -> None:
        self.start_timer(instruction.name, instruction.seconds, TimerFired(instruction.name))

    def _enable_ping(self, instruction: i.EnablePing) -> None:
        if self._ping is None and self._setup is not None:
            self._ping = self.create(TCPPingClient)
            self.tell(self._ping, PingSetup(self._needed(), self._setup.settings.health_check))
        self.tell(self._ping, HealthPingEnabled(True))

    def _disable_ping(self, instruction: i.DisablePing) -> None:
        if self._ping is not None:
            self.tell(self._ping, HealthPingEnabled(False))

    def _count_unhealthy(self, instruction: i.CountUnhealthy) -> None:
        containerwork.MARKERS.mark(UNKNOWN, container_health_failed(instruction.state))

    def _warn(self, instruction: i.Warn) -> None:
        containerwork.MARKERS.log.warn(instruction.transid or UNKNOWN, "%s", instruction.text)

    def _defect(self, instruction: i.Defect) -> None:
        story = self._machine.story() if self._machine else []
        self.log.error("%s; story:\n  %s", instruction.text, "\n  ".join(story))

    def _stop(self, instruction: i.Stop) -> None:
        self.stop()


ContainerProxy._does = {
    i.CreateContainer: ContainerProxy._create,
    i.GiveUpCreation: ContainerProxy._give_up_creation,
    i.ResizeContainer: ContainerProxy._resize,
    i.InitializeContainer: ContainerProxy._initialize,
    i.RunContainer: ContainerProxy._run_container,
    i.CollectLogs: ContainerProxy._collect_logs,
    i.KeepLogs: ContainerProxy._keep_logs,
    i.PauseContainer: ContainerProxy._pause,
    i.ResumeContainer: ContainerProxy._resume,
    i.DestroyContainer: ContainerProxy._destroy,
    i.TellPool: ContainerProxy._tell_pool,
    i.Acknowledge: ContainerProxy._acknowledge,
    i.Store: ContainerProxy._store,
    i.SetTimer: ContainerProxy._set_timer,
    i.EnablePing: ContainerProxy._enable_ping,
    i.DisablePing: ContainerProxy._disable_ping,
    i.CountUnhealthy: ContainerProxy._count_unhealthy,
    i.Warn: ContainerProxy._warn,
    i.Defect: ContainerProxy._defect,
    i.Stop: ContainerProxy._stop,
}


_ENDED: dict[type, Callable[[Any], str]] = {
    e.Initialized: lambda event: f"/init ended: {containerwork.brief(event.result)}",
    e.RunEnded: lambda event: f"/run ended: {containerwork.brief(event.result)}{_lines(event.logs)}",
    e.ExchangeCrashed: lambda event: f"the exchange failed: {event.reason}",
    e.LogsCollected: lambda event: f"{len(event.lines)} lines of logs are read",
    e.LogsFailed: lambda event: f"the logs could not be read: {event.reason}",
}


def _lines(log: e.LogsCollected | None) -> str:
    return f"; with it came {len(log.lines)} lines of logs" if log is not None else ""


def _without_actor(work: Coroutine[Any, Any, Any]) -> None:
    """Let the removal of a container outlive its proxy, where the process has a loop for it."""
    try:
        task = asyncio.get_running_loop().create_task(work)
    except RuntimeError:
        work.close()
    else:
        _LEFT.add(task)
        task.add_done_callback(_LEFT.discard)


_LEFT: set[asyncio.Task[Any]] = set()


def _same(event: Any) -> Any:
    return event


def _unlocks(settings: ProxySettings) -> dict[str, Unlock]:
    """What opens encrypted parameters, if this invoker has keys."""
    if not settings.unlock_keys:
        return {}
    keys = {name: read_keys(text) for name, text in settings.unlock_keys.items()}
    return ParameterEncryption("off", keys, os.urandom).unlocks
