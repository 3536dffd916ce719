"""The transition table: (state, event) -> the function that is the row. What is absent is a defect."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from owactors.core.containerproxy import events as e
from owactors.core.containerproxy import idle, removing, running, starting
from owactors.core.containerproxy.machine import Proxy
from owactors.core.containerproxy.states import State

Row = Callable[[Proxy, Any], None]
Rows = dict[type, Row]

UNINITIALIZED: Rows = {
    e.StartAsked: starting.u1_make_a_prewarm,
    e.RunAsked: starting.u2_make_a_container_for_the_run,
    e.RemoveAsked: starting.u3_nothing_to_remove,
    e.DismissAsked: starting.u4_dismissed_unused,
    e.ShellFailed: removing.f1_shell_failed,
}
STARTING: Rows = {
    e.ContainerCreated: starting.s1_prewarm_is_ready,
    e.ContainerCreationFailed: starting.s2_no_prewarm,
    e.BlackboxCreationFailed: starting.s2_no_prewarm,
    e.RunAsked: starting.s3_wait,
    e.RemoveAsked: starting.s4_give_up,
    e.ShellFailed: removing.f1_shell_failed,
}
STARTED: Rows = {
    e.RunAsked: starting.t1_initialize,
    e.RemoveAsked: starting.t2_expired,
    e.HealthPingFailed: starting.t3_unreachable,
    e.ShellFailed: removing.f1_shell_failed,
}
RUNNING: Rows = {
    e.ContainerCreated: running.r1_initialize_created,
    e.ContainerCreationFailed: running.r2_no_container,
    e.BlackboxCreationFailed: running.r3_no_container_of_this_image,
    e.ContainerResized: running.r12_initialize_resized,
    e.ResizeFailed: running.r13_not_resized,
    e.RunAsked: running.r4_run,
    e.Initialized: running.r5_initialized,
    e.RunEnded: running.r6_run_ended,
    e.ExchangeCrashed: running.r7_crashed,
    e.LogsCollected: running.r8_logs_collected,
    e.LogsFailed: running.r9_logs_failed,
    e.LogsKept: running.r14_logs_kept,
    e.LogsNotKept: running.r15_logs_not_kept,
    e.ContainerResumed: running.r10_resumed,
    e.ResumeFailed: running.r11_not_resumed,
    e.RemoveAsked: starting.s3_wait,
    e.HealthPingFailed: removing.ignored,
    e.IdleTimerFired: idle.i1_timer_forgotten,
    e.ShellFailed: removing.f1_shell_failed,
}
READY: Rows = {
    e.RunAsked: idle.y1_run,
    e.IdleTimerFired: idle.y2_maybe_pause,
    e.RemoveAsked: idle.y3_remove,
    e.HealthPingFailed: idle.y4_unhealthy,
    e.ShellFailed: removing.f1_shell_failed,
}
PAUSING: Rows = {
    e.ContainerPaused: idle.g1_paused,
    e.PauseFailed: idle.g2_not_paused,
    e.RunAsked: starting.s3_wait,
    e.RemoveAsked: starting.s3_wait,
    e.HealthPingFailed: removing.ignored,
    e.IdleTimerFired: idle.i1_timer_forgotten,
    e.ShellFailed: removing.f1_shell_failed,
}
PAUSED: Rows = {
    e.RunAsked: idle.z1_run,
    e.IdleTimerFired: idle.z2_maybe_unused,
    e.RemoveAsked: idle.z3_remove,
    e.HealthPingFailed: removing.ignored,
    e.ShellFailed: removing.f1_shell_failed,
}
REMOVING: Rows = {
    e.RunAsked: removing.x1_hand_back,
    e.ContainerDestroyed: removing.x2_destroyed,
    e.DestroyFailed: removing.x3_not_destroyed,
    e.DestroyRetryDue: removing.x4_destroy_again,
    e.ContainerCreated: removing.x5_created_too_late,
    e.ContainerCreationFailed: removing.x6_not_created,
    e.BlackboxCreationFailed: removing.x6_not_created,
    e.ContainerResized: removing.ignored,
    e.ResizeFailed: removing.ignored,
    e.DismissAsked: removing.x7_dismissed,
    e.LingerOver: removing.x8_linger_over,
    e.RunEnded: running.r6_run_ended,
    e.ExchangeCrashed: running.r7_crashed,
    e.LogsCollected: running.r8_logs_collected,
    e.LogsFailed: running.r9_logs_failed,
    e.LogsKept: running.r14_logs_kept,
    e.LogsNotKept: running.r15_logs_not_kept,
    e.Initialized: removing.ignored,
    e.ContainerPaused: removing.ignored,
    e.PauseFailed: removing.ignored,
    e.ContainerResumed: removing.ignored,
    e.ResumeFailed: removing.ignored,
    e.RemoveAsked: removing.ignored,
    e.HealthPingFailed: removing.ignored,
    e.IdleTimerFired: removing.ignored,
    e.ShellFailed: removing.f1_shell_failed,
}
GONE: Rows = dict.fromkeys(REMOVING, removing.ignored) | {e.RunAsked: removing.x1_hand_back}

ROWS_BY_STATE: dict[State, Rows] = {
    State.UNINITIALIZED: UNINITIALIZED,
    State.STARTING: STARTING,
    State.STARTED: STARTED,
    State.RUNNING: RUNNING,
    State.READY: READY,
    State.PAUSING: PAUSING,
    State.PAUSED: PAUSED,
    State.REMOVING: REMOVING,
    State.GONE: GONE,
}
TABLE: dict[tuple[State, type], Row] = {
    (state, kind): row for state, rows in ROWS_BY_STATE.items() for kind, row in rows.items()
}
