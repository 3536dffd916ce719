"""The proxy's life with failures: each activation still ends once, the container is never reused in doubt."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from owactors.core import logs
from owactors.core.containerproxy import events as e
from owactors.core.containerproxy import instructions as i
from owactors.core.containerproxy.proxy import ContainerProxy
from owactors.core.containerproxy.states import State
from owactors.core.reply import ConnectionFailed, MemoryExhausted, NoResponseReceived, Outcome, RunTimeout
from owactors.entity.activation import APPLICATION_ERROR, DEVELOPER_ERROR, SUCCESS, WHISK_ERROR
from owactors.message.ack import CombinedCompletionAndResultMessage, CompletionMessage
from owactors.message.container import (
    ContainerDestroyed,
    ContainerRemoved,
    HealthCheckSettings,
    LogErrorSettings,
    NeedWork,
    RescheduleJob,
    Run,
)
from tests.core.proxying import SETTINGS, START, Driver, action, annotation, kinds, run

TWO = action(concurrency=2)
REFUSED = ConnectionFailed("refused")


def statuses(driver: Driver) -> list[int]:
    return [record.response.status_code for record in driver.stored]


@pytest.mark.scenario("WIRE-19")
@pytest.mark.scenario("CP-15")
def test_a_refused_run_and_those_behind_it_go_back_to_the_pool() -> None:
    driver = Driver().ready()
    first, second = run(1), run(2)
    driver.run(first)
    driver.run(second)
    driver.ran(REFUSED)
    assert kinds(driver.pool) == [Run, RescheduleJob, Run]
    assert driver.pool[0] is second
    assert (driver.pool[2].msg, driver.pool[2].attempts) == (first.msg, 1)
    assert driver.states == [State.RUNNING, State.REMOVING]
    driver.destroyed()
    assert kinds(driver.pool[3:]) == [ContainerDestroyed]
    assert driver.acks == []


@pytest.mark.scenario("CP-17")
def test_an_unreachable_prewarm_is_removed_and_replaced() -> None:
    driver = Driver(ContainerProxy(evolve(SETTINGS, health_check=HealthCheckSettings(True)))).prewarmed()
    driver.give(e.HealthPingFailed, "refused")
    assert driver.pool == [ContainerRemoved(True)]
    assert driver.of(i.CountUnhealthy) == [i.CountUnhealthy("prewarm")]
    assert driver.states == [State.REMOVING]
    assert driver.acks == []


def two_running() -> Driver:
    driver = Driver().ready(run(0, TWO))
    driver.run(run(1, TWO))
    driver.run(run(2, TWO))
    return driver


@pytest.mark.scenario("CP-20")
def test_when_one_of_two_runs_crashes_the_other_is_waited_for() -> None:
    driver = two_running()
    first, second = driver.take(i.RunContainer), driver.take(i.RunContainer)
    driver.give(e.ExchangeCrashed, first.job, "boom")
    driver.collected()
    assert driver.states == [State.RUNNING, State.REMOVING]
    assert driver.count(i.DestroyContainer) == 0
    driver.give(e.ExchangeCrashed, second.job, "boom")
    driver.collected()
    driver.destroyed()
    assert driver.pool == [RescheduleJob(1), ContainerDestroyed(1)]
    assert statuses(driver) == [WHISK_ERROR, WHISK_ERROR]
    assert "boom" in driver.stored[0].response.result["error"]
    assert driver.count(i.CollectLogs) == 2


@pytest.mark.scenario("CP-21")
def test_when_one_of_two_runs_crashes_the_other_may_succeed() -> None:
    driver = two_running()
    driver.give(e.ExchangeCrashed, driver.take(i.RunContainer).job, "boom")
    driver.collected()
    driver.finish()
    driver.destroyed()
    assert NeedWork not in kinds(driver.pool)
    assert driver.pool == [RescheduleJob(1), ContainerDestroyed(1)]
    assert statuses(driver) == [WHISK_ERROR, SUCCESS]


def test_runs_sent_to_a_retiring_container_do_not_wait_for_its_last_job() -> None:
    driver = two_running()
    driver.ran(NoResponseReceived())
    driver.collected()
    late = run(3, TWO)
    driver.run(late)
    assert driver.pool == [RescheduleJob(1), late]


@pytest.mark.parametrize("also_ends", [False, True])
def test_no_call_enters_a_container_that_failed_at_one_whose_log_is_still_read(also_ends: bool) -> None:
    """What has begun goes on; what comes waits until it can be placed elsewhere."""
    three = action(concurrency=3)
    driver = Driver().ready(run(0, three))
    driver.run(run(1, three))
    driver.run(run(2, three))
    driver.ran(RunTimeout(1.0))
    late = run(3, three)
    driver.run(late)
    assert driver.count(i.RunContainer) == 2
    read = driver.take(i.CollectLogs)
    if also_ends:
        driver.finish()
        assert driver.pool == []
    driver.give(e.LogsCollected, read.job, (), "complete")
    assert driver.pool[:2] == ([ContainerRemoved(True, 2), late] if also_ends else [RescheduleJob(1), late])
    if not also_ends:
        assert driver.count(i.DestroyContainer) == 0
        driver.finish()
    driver.destroyed()
    assert driver.count(i.RunContainer) == 2
    assert statuses(driver) == ([SUCCESS, DEVELOPER_ERROR] if also_ends else [DEVELOPER_ERROR, SUCCESS])


def starting_two(cold: bool) -> Driver:
    driver = Driver() if cold else Driver().prewarmed()
    driver.run(run(1, TWO))
    driver.run(run(2, TWO))
    if cold:
        driver.created()
    return driver


@pytest.mark.scenario("CP-22")
@pytest.mark.scenario("CP-24")
@pytest.mark.parametrize("cold", [False, True])
def test_a_failed_init_ends_those_that_wait_with_the_same_answer(cold: bool) -> None:
    driver = starting_two(cold)
    driver.initialized(b'{"error":"no main"}', status=502)
    driver.collected()
    assert kinds(driver.pool) == [ContainerRemoved]
    assert driver.pool[0] == ContainerRemoved(True, 2)
    assert statuses(driver) == [DEVELOPER_ERROR, DEVELOPER_ERROR]
    assert driver.stored[1].response == driver.stored[0].response
    assert driver.count(i.RunContainer) == 0
    assert driver.proxy.state is State.REMOVING


@pytest.mark.scenario("CP-23")
@pytest.mark.scenario("CP-24")
@pytest.mark.parametrize("cold", [False, True])
def test_a_crashed_init_ends_those_that_wait_with_a_whisk_error(cold: bool) -> None:
    driver = starting_two(cold)
    driver.give(e.ExchangeCrashed, driver.take(i.InitializeContainer).job, "boom")
    driver.collected()
    assert driver.pool == [ContainerRemoved(True, 2)]
    assert statuses(driver) == [WHISK_ERROR, WHISK_ERROR]


@pytest.mark.scenario("CP-25")
@pytest.mark.scenario("CP-27")
def test_a_container_that_cannot_be_made_ends_those_that_wait() -> None:
    driver = Driver()
    driver.run(run(1, TWO, blocking=False))
    driver.run(run(2, TWO, blocking=False))
    driver.give(e.ContainerCreationFailed, None)
    assert driver.pool == [ContainerRemoved(True, 2), ContainerDestroyed(0)]
    assert driver.states == [State.RUNNING, State.REMOVING]
    assert statuses(driver) == [WHISK_ERROR, WHISK_ERROR]
    assert driver.stored[0].response.result == {"error": "Failed to provision resources to run the action."}
    assert annotation(driver.stored[0], "initTime") is None
    assert kinds(driver.acks) == [CombinedCompletionAndResultMessage, CompletionMessage]
    assert (driver.count(i.DestroyContainer), driver.count(i.CollectLogs)) == (0, 0)


@pytest.mark.scenario("CP-28")
@pytest.mark.parametrize(
    ("failure", "status"),
    [(e.BlackboxCreationFailed, DEVELOPER_ERROR), (e.ContainerCreationFailed, WHISK_ERROR)],
)
def test_whose_fault_it_is_that_there_is_no_container(failure: type, status: int) -> None:
    driver = Driver()
    driver.run()
    driver.give(failure, "because")
    assert driver.stored[0].response.status_code == status
    assert driver.stored[0].response.result == {"error": "because"}


@pytest.mark.scenario("WIRE-20")
@pytest.mark.scenario("LG-02")
@pytest.mark.scenario("CP-29")
def test_a_failed_init_has_logs_and_an_init_time() -> None:
    driver = Driver().prewarmed()
    driver.run()
    driver.initialized(b"", milliseconds=30, status=502)
    driver.collected("line")
    driver.destroyed()
    assert driver.pool == [ContainerRemoved(True, 1), ContainerDestroyed(0)]
    assert driver.stored[0].response.result == {"error": "The action failed during initialization."}
    assert annotation(driver.stored[0], "initTime") == 30
    assert driver.stored[0].duration == 30
    assert driver.of(i.CollectLogs)[0].wait_for_sentinel is False
    assert driver.stored[0].logs[0] == "line"
    assert driver.stored[0].logs[1].endswith(f"stderr: {logs.LOG_WARNING_DEVELOPER_ERROR}")


def test_who_waits_hears_of_a_timeout_before_the_logs_are_there() -> None:
    driver = Driver().ready()
    driver.run()
    driver.ran(RunTimeout(1.0))
    [ack] = driver.acks
    assert ack.response.response.result == {"error": "The action exceeded its time limits of 1000 milliseconds."}
    assert driver.stored == []


@pytest.mark.scenario("CP-30")
@pytest.mark.parametrize("outcome", [NoResponseReceived(), MemoryExhausted(), RunTimeout(1.0), b"not json"])
def test_a_developer_error_costs_the_container(outcome: Outcome | bytes) -> None:
    driver = Driver().ready()
    driver.run()
    driver.finish(outcome)
    assert driver.pool == [ContainerRemoved(True, 1)]
    assert driver.count(i.DestroyContainer) == 1
    assert statuses(driver) == [DEVELOPER_ERROR]


@pytest.mark.scenario("LG-03")
@pytest.mark.scenario("CP-31")
def test_incomplete_logs_are_kept_and_cost_the_container() -> None:
    driver = Driver().ready()
    driver.run()
    driver.ran()
    driver.collected("partial", state="timed_out")
    assert driver.acks[0].response.response.is_success
    assert driver.stored[0].logs == ("partial",)
    assert driver.count(i.DestroyContainer) == 1


@pytest.mark.scenario("CP-32")
def test_logs_that_cannot_be_read_leave_one_line_and_cost_the_container() -> None:
    driver = Driver().ready()
    driver.run()
    driver.ran()
    driver.give(e.LogsFailed, driver.take(i.CollectLogs).job, "no such file")
    assert driver.stored[0].logs == (logs.LOG_FAILURE,)
    assert driver.count(i.DestroyContainer) == 1


@pytest.mark.scenario("CP-33")
def test_a_container_that_does_not_wake_gives_its_run_back() -> None:
    driver = Driver().paused()
    wanted = run(1)
    driver.run(wanted)
    driver.take(i.ResumeContainer)
    driver.give(e.ResumeFailed, "frozen")
    assert kinds(driver.pool) == [RescheduleJob, Run]
    assert driver.pool[1].msg is wanted.msg
    assert driver.states == [State.RUNNING, State.REMOVING]
    assert (driver.count(i.DestroyContainer), driver.count(i.RunContainer)) == (1, 0)


@pytest.mark.scenario("CP-34")
@pytest.mark.scenario("CP-35")
@pytest.mark.parametrize("paused", [True, False])
@pytest.mark.parametrize(("outcome", "status"), [(REFUSED, 0), (b"busy", 503)])
def test_an_idle_container_that_refuses_gives_its_run_back(paused: bool, outcome: Any, status: int) -> None:
    driver = Driver().paused() if paused else Driver().ready()
    wanted = run(1)
    driver.run(wanted)
    if paused:
        driver.give(e.ContainerResumed)
    driver.ran(outcome, status=status)
    assert kinds(driver.pool) == [RescheduleJob, Run]
    assert driver.pool[1].msg is wanted.msg
    assert driver.count(i.ResumeContainer) == int(paused)
    assert driver.of(i.DestroyContainer) == [i.DestroyContainer(resume_first=False)]


def test_a_refused_concurrent_run_goes_back_and_the_other_is_waited_for() -> None:
    driver = two_running()
    driver.ran(b"", status=503)
    assert kinds(driver.pool) == [RescheduleJob, Run]
    assert driver.count(i.DestroyContainer) == 0
    driver.finish()
    assert driver.count(i.DestroyContainer) == 1
    assert statuses(driver) == [SUCCESS]


def test_after_three_containers_refused_the_run_ends() -> None:
    driver = Driver().ready()
    driver.run(evolve(run(1), attempts=2))
    driver.ran(b"", status=503)
    driver.collected()
    assert driver.pool == [ContainerRemoved(True, 1)]
    assert statuses(driver) == [WHISK_ERROR]
    assert "refused by 3 containers" in driver.stored[0].response.result["error"]


@pytest.mark.scenario("CP-36")
def test_a_container_that_cannot_be_paused_goes() -> None:
    driver = Driver().ready()
    driver.after(10).give(e.IdleTimerFired)
    late = run(1)
    driver.run(late)
    driver.give(e.PauseFailed, "no freezer")
    assert driver.pool == [ContainerRemoved(True), late]
    assert driver.states == [State.PAUSING, State.REMOVING]
    assert driver.count(i.DestroyContainer) == 1


@pytest.mark.scenario("CP-42")
def test_a_prewarm_that_cannot_be_made() -> None:
    driver = Driver()
    driver.give(e.StartAsked, START)
    waiting = run(1)
    driver.run(waiting)
    driver.give(e.ContainerCreationFailed, "no engine")
    assert driver.pool == [ContainerRemoved(True), ContainerDestroyed(), waiting]
    assert driver.give(e.DismissAsked) == [i.Stop()]


@pytest.mark.scenario("CP-47")
def test_a_container_that_refuses_its_init_gives_all_runs_back() -> None:
    """Fixed: the original loses the first job and ends the second with a whisk error."""
    driver = starting_two(cold=True)
    driver.initialized(b"", status=503)
    assert kinds(driver.pool) == [Run, RescheduleJob, Run]
    assert driver.count(i.DestroyContainer) == 1
    assert driver.acks == []


@pytest.mark.scenario("CP-48")
def test_a_failed_removal_is_tried_again_while_runs_are_handed_back() -> None:
    driver = Driver().ready()
    driver.give(e.RemoveAsked)
    waits = []
    for _ in range(5):
        driver.take(i.DestroyContainer)
        waits.append(driver.give(e.DestroyFailed, "busy")[0].seconds)
        driver.give(e.DestroyRetryDue)
        late = run(1)
        assert driver.run(late)[0].message is late
    assert waits == [1, 2, 4, 8, 16]
    assert driver.proxy.state is State.REMOVING
    driver.give(e.DestroyFailed, "busy")
    assert driver.pool[-1] == ContainerDestroyed(0, "busy")


@pytest.mark.scenario("DK-12")
@pytest.mark.scenario("CP-49")
def test_a_run_of_exactly_its_time_limit_is_over_it() -> None:
    driver = Driver().ready()
    driver.run()
    driver.ran(milliseconds=1000)
    driver.collected()
    record = driver.stored[0]
    assert annotation(record, "timeout") is True
    assert record.response.result == {"error": "The action exceeded its time limits of 1000 milliseconds."}


@pytest.mark.scenario("CP-50")
def test_a_failed_activation_is_logged_if_wanted_and_cut() -> None:
    driver = Driver(ContainerProxy(evolve(SETTINGS, log_errors=LogErrorSettings(whisk_errors=True))))
    driver.run()
    driver.give(e.ContainerCreationFailed, "x" * 2000)
    warned = driver.of(i.Warn)
    assert len(warned) == 1
    assert warned[0].text.endswith("x...")
    assert warned[0].text.count("x") == 1024 - len('{"error":"')
    driver = Driver(ContainerProxy(evolve(SETTINGS, log_errors=LogErrorSettings(application_errors=True))))
    driver.run()
    driver.give(e.ContainerCreationFailed, "x")
    assert driver.count(i.Warn) == 0


def test_a_refused_connection_after_the_own_init_is_the_actions_fault() -> None:
    driver = Driver().prewarmed()
    driver.run()
    driver.initialized()
    driver.finish(REFUSED)
    assert statuses(driver) == [DEVELOPER_ERROR]


def test_a_too_long_answer_is_an_application_error() -> None:
    from owactors.core.reply import ContainerReply

    driver = Driver().ready()
    driver.run()
    driver.finish(ContainerReply(200, b"abc", 10, 3))
    assert statuses(driver) == [APPLICATION_ERROR]
    assert driver.proxy.state is State.READY


def test_an_argument_that_cannot_be_unlocked_ends_the_run_with_the_reason() -> None:
    def wrong(text: str) -> Any:
        raise ValueError(text)

    driver = Driver(ContainerProxy(SETTINGS, unlocks={"aes-128": wrong})).prewarmed()
    driver.run(run(1, content={"p": "locked"}, locked_args={"p": "aes-128"}))
    driver.collected()
    assert statuses(driver) == [WHISK_ERROR]
    assert "'p'" in driver.stored[0].response.result["error"]
    assert driver.proxy.state is State.REMOVING


def test_when_the_shell_fails_every_job_ends_and_the_rest_goes_back() -> None:
    driver = two_running()
    waiting = run(3, TWO)
    driver.run(waiting)
    driver.ran()
    driver.give(e.ShellFailed, "handler raised")
    assert statuses(driver) == [SUCCESS, WHISK_ERROR]
    assert driver.stored[0].logs == (logs.LOG_FAILURE,)
    assert "handler raised" in driver.stored[1].response.result["error"]
    assert driver.pool == [waiting, ContainerRemoved(True, 2)]
    assert driver.count(i.DestroyContainer) == 1
    driver.ran()  # too late, ignored
    assert len(driver.stored) == 2


def test_when_the_shell_fails_before_the_container_exists_it_is_removed_as_it_comes() -> None:
    driver = Driver()
    driver.run()
    driver.give(e.ShellFailed, "handler raised")
    assert kinds(driver.pool) == [Run, ContainerRemoved]
    driver.created()
    driver.destroyed()
    assert driver.pool[-1] == ContainerDestroyed(0)


@pytest.mark.parametrize("removed", [False, True])
def test_what_the_table_does_not_know_is_a_defect_and_changes_nothing(removed: bool) -> None:
    driver = Driver().ready()
    if removed:
        driver.give(e.RemoveAsked)
    before = driver.proxy.state
    assert kinds(driver.give(e.StartAsked, START)) == [i.Defect]
    assert driver.proxy.state is before


def test_the_story_names_events_states_and_causes() -> None:
    driver = Driver().ready()
    driver.run(run(5))
    driver.give(e.ShellFailed, "why")
    story = driver.proxy.story()
    assert story[-2].endswith(f"Ready: RunAsked {5:032x}")
    assert story[-1].endswith("Running: ShellFailed reason=why")
