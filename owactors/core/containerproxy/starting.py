"""Rows of Uninitialized (u), Starting (s) and Started (t)."""

from __future__ import annotations

from owactors.core.containerproxy import calls, endings
from owactors.core.containerproxy.events import (
    BlackboxCreationFailed,
    ContainerCreated,
    ContainerCreationFailed,
    DismissAsked,
    Event,
    HealthPingFailed,
    RemoveAsked,
    RunAsked,
    StartAsked,
)
from owactors.core.containerproxy.instructions import CountUnhealthy, DisablePing, EnablePing, GiveUpCreation
from owactors.core.containerproxy.job import Phase
from owactors.core.containerproxy.machine import Proxy
from owactors.core.containerproxy.resources import container_name, creation, creation_for, resizing
from owactors.core.containerproxy.states import State
from owactors.entity.transaction import TransactionId
from owactors.message.containerdata import PreWarmedData

INVOKER_WARMUP = TransactionId.system("invokerWarmup")


def u1_make_a_prewarm(proxy: Proxy, event: StartAsked) -> None:
    """Make a container without code."""
    wanted = event.message
    proxy.creating, proxy.ttl = True, wanted.ttl
    proxy.prewarm_kind, proxy.prewarm_memory = wanted.exec.kind, wanted.memory_limit
    name = container_name(proxy.settings, proxy.number, "prewarm", wanted.exec.kind)
    proxy.emit(creation(proxy.settings, wanted.exec, wanted.memory_limit, name, INVOKER_WARMUP))
    proxy.goto(State.STARTING)


def u2_make_a_container_for_the_run(proxy: Proxy, event: RunAsked) -> None:
    """Cold start."""
    run = event.run
    proxy.accept(run, Phase.CREATING, event.now)
    proxy.creating = True
    proxy.prewarm_kind, proxy.prewarm_memory = run.action.exec.kind, run.action.limits.memory_size
    name = container_name(proxy.settings, proxy.number, run.msg.user.namespace.name, run.action.name)
    proxy.emit(creation_for(proxy.settings, run, name))
    proxy.goto(State.RUNNING)


def u3_nothing_to_remove(proxy: Proxy, event: RemoveAsked) -> None:
    """There is no container; the proxy stays usable."""


def u4_dismissed_unused(proxy: Proxy, event: DismissAsked) -> None:
    """The pool never needed this proxy."""
    endings.stop(proxy)


def s1_prewarm_is_ready(proxy: Proxy, event: ContainerCreated) -> None:
    """Offer the container to the pool."""
    proxy.creating = False
    proxy.container = event.container
    expires = None if proxy.ttl is None else event.now + proxy.ttl
    proxy.data = PreWarmedData(event.container, proxy.prewarm_kind, proxy.prewarm_memory, 0, expires)
    proxy.need_work(proxy.data)
    if proxy.settings.health_check.enabled:
        proxy.emit(EnablePing(event.container))
    proxy.goto(State.STARTED)


def s2_no_prewarm(proxy: Proxy, event: ContainerCreationFailed | BlackboxCreationFailed) -> None:
    """The container could not be made; stashed Runs go back."""
    proxy.creating = False
    endings.announce_removed(proxy, True)
    endings.removing(proxy)


def s3_wait(proxy: Proxy, event: Event) -> None:
    """Handled in the next state that can."""
    proxy.stash.append(event)


def s4_give_up(proxy: Proxy, event: RemoveAsked) -> None:
    """The pool needs the memory now. It is free when what was begun is undone."""
    proxy.emit(GiveUpCreation())
    endings.announce_removed(proxy, False)
    endings.removing(proxy)


def t1_initialize(proxy: Proxy, event: RunAsked) -> None:
    """The prewarmed container gets its action, and if need be that action's memory first."""
    if proxy.settings.health_check.enabled:
        proxy.emit(DisablePing())
    job = proxy.accept(event.run, Phase.INITIALIZING, event.now)
    proxy.goto(State.RUNNING)
    memory = event.run.action.limits.memory_size
    if memory == proxy.prewarm_memory:
        calls.begin(proxy, job, event.now)
    else:
        job.phase, proxy.prewarm_memory = Phase.RESIZING, memory
        proxy.emit(resizing(proxy.settings, memory, event.run.msg.transid))


def t2_expired(proxy: Proxy, event: RemoveAsked) -> None:
    """The pool lets the prewarm go, and does not want another for it."""
    endings.announce_removed(proxy, False)
    endings.removing(proxy)


def t3_unreachable(proxy: Proxy, event: HealthPingFailed) -> None:
    """The prewarm is dead."""
    proxy.emit(CountUnhealthy("prewarm"))
    endings.announce_removed(proxy, True)
    endings.removing(proxy)
