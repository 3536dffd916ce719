"""Rows of Removing (x) and Gone (o), and of what can happen anywhere."""

from __future__ import annotations

from owactors.core.containerproxy import endings, records
from owactors.core.containerproxy.events import (
    ContainerCreated,
    ContainerDestroyed,
    DestroyFailed,
    DestroyRetryDue,
    DismissAsked,
    Event,
    LingerOver,
    RunAsked,
    ShellFailed,
)
from owactors.core.containerproxy.instructions import DESTROY_TIMER, Defect, DestroyContainer, SetTimer
from owactors.core.containerproxy.job import Job, Phase
from owactors.core.containerproxy.machine import Proxy


def x1_hand_back(proxy: Proxy, event: RunAsked) -> None:
    """Too late: the pool places it elsewhere."""
    endings.hand_back(proxy, event.run)


def x2_destroyed(proxy: Proxy, event: ContainerDestroyed) -> None:
    """The container and its memory are free. (After a failure of the shell it may be removed twice.)"""
    if not proxy.destroyed:
        endings.gone(proxy)


def x3_not_destroyed(proxy: Proxy, event: DestroyFailed) -> None:
    """Try again later, each time after twice the wait; in the end tell that it may have leaked."""
    if proxy.destroyed:
        return
    settings = proxy.settings
    proxy.destroy_tries += 1
    if proxy.destroy_tries >= settings.destroy_tries:
        proxy.emit(Defect(f"container could not be removed: {event.reason}"))
        endings.gone(proxy, leaked=event.reason)
    else:
        wait = settings.destroy_retry * 2 ** (proxy.destroy_tries - 1)
        proxy.emit(SetTimer(DESTROY_TIMER, wait))


def x4_destroy_again(proxy: Proxy, event: DestroyRetryDue) -> None:
    """The wait is over."""
    if not proxy.destroyed:
        proxy.emit(DestroyContainer(resume_first=False))


def x5_created_too_late(proxy: Proxy, event: ContainerCreated) -> None:
    """Nobody wants the container any more."""
    proxy.creating = False
    proxy.container = event.container
    endings.destroy_if_idle(proxy)


def x6_not_created(proxy: Proxy, event: Event) -> None:
    """There is nothing to remove."""
    proxy.creating = False
    endings.destroy_if_idle(proxy)


def x7_dismissed(proxy: Proxy, event: DismissAsked) -> None:
    """Stop, now or when the container is gone."""
    proxy.dismissed = True
    if proxy.destroyed:
        endings.stop(proxy)


def x8_linger_over(proxy: Proxy, event: LingerOver) -> None:
    """Nothing came for a while."""
    if proxy.destroyed:
        endings.stop(proxy)


def ignored(proxy: Proxy, event: Event) -> None:
    """It makes no difference any more."""


def f1_shell_failed(proxy: Proxy, event: ShellFailed) -> None:
    """End every job that began with the reason, hand the others back, let the container go."""
    for job in list(proxy.jobs.values()):
        _end_now(proxy, job, event)
    endings.hand_back_buffer(proxy)
    endings.announce_removed(proxy, True)
    proxy.resuming = proxy.destroying = False
    endings.removing(proxy)


def _end_now(proxy: Proxy, job: Job, event: ShellFailed) -> None:
    del proxy.jobs[job.number]
    if job.phase is Phase.KEEPING and job.record is not None:
        records.end_with_logs(proxy, job.run, job.record, job.lines, job.log_state)
    elif job.record is not None:
        records.end_without_logs(proxy, job.run, job.record)
    elif job.phase in (Phase.CREATING, Phase.RESUMING, Phase.RESIZING):
        endings.hand_back(proxy, job.run)
    else:
        records.abort(proxy, job.run, records.whisk_error(event.reason), event.now)
