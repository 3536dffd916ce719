"""Rows of Ready (y), Pausing (g) and Paused (z): the warm container has nothing to do."""

from __future__ import annotations

from owactors.core.containerproxy import calls, endings
from owactors.core.containerproxy.events import (
    ContainerPaused,
    HealthPingFailed,
    IdleTimerFired,
    PauseFailed,
    RemoveAsked,
    RunAsked,
)
from owactors.core.containerproxy.instructions import PauseContainer, ResumeContainer
from owactors.core.containerproxy.job import Phase
from owactors.core.containerproxy.machine import Proxy
from owactors.core.containerproxy.states import State

SLACK = 0.001
"""Seconds by which a timer may fire early."""


def y1_run(proxy: Proxy, event: RunAsked) -> None:
    """Serve at once."""
    proxy.goto(State.RUNNING)
    calls.begin(proxy, proxy.accept(event.run, Phase.RUNNING, event.now), event.now)


def y2_maybe_pause(proxy: Proxy, event: IdleTimerFired) -> None:
    """Pause after the grace; where containers are not paused, go after the unused timeout."""
    grace = proxy.settings.pause_grace
    limit = proxy.settings.unused_timeout if grace is None else grace
    if not _is_over(proxy, limit, event.now):
        return
    if grace is None:
        _go(proxy, resume_first=False)
        return
    proxy.emit(PauseContainer())
    proxy.goto(State.PAUSING)


def y3_remove(proxy: Proxy, event: RemoveAsked) -> None:
    """The pool needs the room."""
    endings.retire(proxy)


def y4_unhealthy(proxy: Proxy, event: HealthPingFailed) -> None:
    """A late word of the ping client."""
    endings.retire(proxy)


def g1_paused(proxy: Proxy, event: ContainerPaused) -> None:
    """Frozen; what came meanwhile is served next."""
    proxy.idle_since = event.now
    proxy.idle_timer_due = None
    proxy.arm_idle_timer(proxy.settings.unused_timeout, event.now)
    proxy.goto(State.PAUSED)


def g2_not_paused(proxy: Proxy, event: PauseFailed) -> None:
    """Nobody knows what state the container is in."""
    endings.retire(proxy)


def z1_run(proxy: Proxy, event: RunAsked) -> None:
    """Wake the container."""
    proxy.resuming = True
    proxy.accept(event.run, Phase.RESUMING, event.now)
    proxy.goto(State.RUNNING)
    proxy.emit(ResumeContainer(event.run.msg.transid))


def z2_maybe_unused(proxy: Proxy, event: IdleTimerFired) -> None:
    """Nobody wanted the container for long."""
    if _is_over(proxy, proxy.settings.unused_timeout, event.now):
        _go(proxy, resume_first=True)


def z3_remove(proxy: Proxy, event: RemoveAsked) -> None:
    """The pool needs the room."""
    _go(proxy, resume_first=True)


def i1_timer_forgotten(proxy: Proxy, event: IdleTimerFired) -> None:
    """The container is busy: the timer is armed anew when it is idle again."""
    proxy.idle_timer_due = None


def _go(proxy: Proxy, resume_first: bool) -> None:
    endings.announce_rescheduled(proxy)
    endings.removing(proxy, resume_first)


def _is_over(proxy: Proxy, limit: float | None, now: float) -> bool:
    """True when the container was idle for `limit` seconds; else the timer is armed for the rest."""
    proxy.idle_timer_due = None
    if limit is None:
        return False
    rest = proxy.idle_since + limit - now
    if rest <= SLACK:
        return True
    proxy.arm_idle_timer(min(rest, limit), now)
    return False
