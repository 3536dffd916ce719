"""The proxy's life without failures: prewarm, cold start, warm runs, pause, removal."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from owactors.core.containerproxy import events as e
from owactors.core.containerproxy import instructions as i
from owactors.core.containerproxy.proxy import ContainerProxy
from owactors.core.containerproxy.states import State
from owactors.entity.identity import Identity
from owactors.entity.transaction import TransactionId
from owactors.message.ack import CombinedCompletionAndResultMessage, CompletionMessage, ResultMessage
from owactors.message.container import (
    ContainerDestroyed,
    ContainerRemoved,
    HealthCheckSettings,
    NeedWork,
    RescheduleJob,
    Run,
    Start,
)
from owactors.message.containerdata import PreWarmedData, WarmedData
from tests.core.proxying import (
    CONTAINER,
    OK_BODY,
    SETTINGS,
    START,
    T0,
    Driver,
    action,
    annotation,
    kinds,
    result,
    run,
)


@pytest.mark.scenario("CP-06")
def test_a_start_makes_a_prewarmed_container_and_offers_it() -> None:
    driver = Driver()
    driver.give(e.StartAsked, evolve(START, ttl=60.0))
    wanted = driver.of(i.CreateContainer)[0]
    assert wanted.transid.id == "sid_invokerWarmup"
    assert wanted.name == "wsk0_1_prewarm_nodejs20"
    assert wanted.memory == START.memory_limit.bytes
    assert wanted.image == "openwhisk/action-nodejs-v20:latest"
    driver.after(2).created()
    data = PreWarmedData(CONTAINER, "nodejs:20", START.memory_limit, 0, T0 + 62)
    assert driver.pool == [NeedWork(data, 0)]
    assert driver.states == [State.STARTING, State.STARTED]


@pytest.mark.scenario("CP-07")
def test_a_prewarm_runs_pauses_and_goes() -> None:
    driver = Driver().prewarmed()
    driver.run()
    driver.initialized()
    driver.finish()
    driver.after(10).give(e.IdleTimerFired)
    driver.take(i.PauseContainer)
    driver.give(e.ContainerPaused)
    driver.after(600).give(e.IdleTimerFired)
    driver.destroyed()
    assert kinds(driver.pool) == [NeedWork, RescheduleJob, ContainerDestroyed]
    assert isinstance(driver.pool[0].data, WarmedData)
    assert driver.states == [State.RUNNING, State.READY, State.PAUSING, State.PAUSED, State.REMOVING]
    assert [driver.count(kind) for kind in (i.InitializeContainer, i.RunContainer, i.CollectLogs)] == [1, 1, 1]
    assert [driver.count(kind) for kind in (i.PauseContainer, i.DestroyContainer)] == [1, 1]
    assert kinds(driver.acks) == [ResultMessage, CompletionMessage]
    assert len(driver.stored) == 1


@pytest.mark.scenario("CP-08")
def test_a_second_run_in_ready_is_served_without_init() -> None:
    driver = Driver()
    driver.run(run(1))
    driver.created()
    driver.after(1).initialized(milliseconds=40)
    driver.after(3).ran(milliseconds=20)
    driver.collected()
    driver.after(5).run(run(2))
    driver.ran(milliseconds=30)
    driver.collected()
    first, second = driver.stored
    assert driver.count(i.PauseContainer) == 0
    assert (driver.count(i.InitializeContainer), driver.count(i.RunContainer)) == (1, 2)
    assert annotation(first, "initTime") == 40
    assert annotation(second, "initTime") is None
    assert (first.duration, second.duration) == (60, 30)
    assert annotation(first, "waitTime") == 1050
    assert annotation(second, "waitTime") == 9050


@pytest.mark.scenario("CP-09")
def test_a_run_wakes_a_paused_container() -> None:
    driver = Driver().paused()
    driver.run()
    assert driver.count(i.RunContainer) == 0
    driver.take(i.ResumeContainer)
    driver.give(e.ContainerResumed)
    driver.finish()
    assert kinds(driver.pool) == [NeedWork]
    assert driver.states == [State.RUNNING, State.READY]
    assert driver.count(i.ResumeContainer) == 1
    assert annotation(driver.stored[0], "initTime") is None


def test_runs_that_arrive_while_the_container_wakes_wait_for_it() -> None:
    driver = Driver().paused(run(0, action(concurrency=2)))
    driver.run(run(1, action(concurrency=2)))
    driver.run(run(2, action(concurrency=2)))
    assert driver.count(i.RunContainer) == 0
    driver.give(e.ContainerResumed)
    assert driver.count(i.RunContainer) == 2


@pytest.mark.scenario("CP-10")
def test_a_cold_start() -> None:
    driver = Driver()
    driver.run()
    assert driver.of(i.CreateContainer)[0].name == "wsk0_1_guest_greet"
    driver.created()
    driver.initialized()
    driver.finish()
    assert kinds(driver.pool) == [NeedWork]
    assert driver.pool[0].finished == 1
    assert driver.states == [State.RUNNING, State.READY]
    counts = [driver.count(k) for k in (i.CreateContainer, i.InitializeContainer, i.RunContainer, i.CollectLogs)]
    assert counts == [1, 1, 1, 1]
    assert annotation(driver.stored[0], "initTime") == 40


@pytest.mark.scenario("CP-11")
def test_without_logs_a_non_blocking_run_is_completed_at_once() -> None:
    driver = Driver().ready()
    driver.run(run(1, action(logs=0), blocking=False))
    driver.ran()
    assert kinds(driver.acks) == [CompletionMessage]
    assert driver.count(i.CollectLogs) == 0
    assert len(driver.stored) == 1
    assert driver.proxy.state is State.READY


@pytest.mark.scenario("CP-12")
def test_without_logs_a_blocking_run_is_answered_and_completed_in_one() -> None:
    driver = Driver().ready()
    driver.run(run(1, action(logs=0)))
    driver.ran()
    assert kinds(driver.acks) == [CombinedCompletionAndResultMessage]
    assert driver.acks[0].response.response.result == {"ok": True}


@pytest.mark.scenario("WIRE-06")
@pytest.mark.scenario("CP-13")
def test_with_logs_a_blocking_run_is_answered_first_and_completed_later() -> None:
    driver = Driver().ready()
    driver.run()
    driver.ran()
    assert kinds(driver.acks) == [ResultMessage]
    assert driver.stored == []
    driver.collected("a", "b")
    assert kinds(driver.acks) == [ResultMessage, CompletionMessage]
    assert driver.acks[0].response.logs == ()
    assert driver.stored[0].logs == ("a", "b")


@pytest.mark.scenario("WIRE-06")
@pytest.mark.parametrize("blocking", [True, False])
def test_where_openwhisk_listens_logs_that_came_early_change_nothing(blocking: bool) -> None:
    driver = Driver(ContainerProxy(evolve(SETTINGS, one_ack=False))).ready()
    driver.run(run(1, blocking=blocking))
    driver.ran_with_logs("a", "b")
    assert kinds(driver.acks) == ([ResultMessage, CompletionMessage] if blocking else [CompletionMessage])
    assert driver.stored[0].logs == ("a", "b")
    assert driver.proxy.state is State.READY


@pytest.mark.parametrize(("blocking", "kind"), [(True, CombinedCompletionAndResultMessage), (False, CompletionMessage)])
def test_logs_that_came_before_the_answer_end_the_job_with_it(blocking: bool, kind: type) -> None:
    driver = Driver().ready()
    driver.run(run(1, blocking=blocking))
    driver.ran_with_logs("a", "b")
    assert (kinds(driver.acks), driver.count(i.CollectLogs)) == ([kind], 0)
    assert driver.stored[0].logs == ("a", "b")
    assert annotation(driver.stored[0], "logs") == "complete"
    assert driver.proxy.state is State.READY
    if blocking:
        assert driver.acks[0].response.logs == ()


def test_a_runtime_that_broke_is_not_used_again_though_its_logs_are_there() -> None:
    driver = Driver().ready()
    driver.run()
    driver.ran_with_logs("a", outcome=b"", status=502)
    assert driver.stored[0].logs[0] == "a"
    assert "might be missing" in driver.stored[0].logs[1]
    assert driver.count(i.DestroyContainer) == 1


@pytest.mark.scenario("WIRE-06")
@pytest.mark.scenario("CP-14")
def test_with_logs_a_non_blocking_run_is_only_completed() -> None:
    driver = Driver().ready()
    driver.run(run(1, blocking=False))
    driver.finish()
    assert kinds(driver.acks) == [CompletionMessage]


def test_a_log_store_of_its_own_means_no_collection() -> None:
    driver = Driver(ContainerProxy(evolve(SETTINGS, log_store="driver"))).prewarmed()
    driver.run()
    driver.initialized()
    driver.ran()
    assert driver.count(i.CollectLogs) == 0
    assert kinds(driver.acks) == [CombinedCompletionAndResultMessage]


@pytest.mark.scenario("CP-18")
def test_a_prewarm_with_two_runs_at_once() -> None:
    two = action(concurrency=2)
    driver = Driver().prewarmed()
    driver.run(run(1, two))
    driver.run(run(2, two))
    driver.initialized()
    assert driver.count(i.RunContainer) == 2
    driver.finish()
    assert kinds(driver.pool) == [NeedWork]
    driver.finish()
    assert kinds(driver.pool) == [NeedWork, NeedWork]
    assert driver.states == [State.RUNNING, State.READY]


@pytest.mark.scenario("CP-19")
def test_no_work_is_asked_for_while_runs_wait_inside() -> None:
    two = action(concurrency=2)
    driver = Driver().ready(run(0, two))
    for number in range(1, 5):
        driver.run(run(number, two))
    driver.finish()
    driver.finish()
    assert driver.pool == []
    driver.finish()
    assert [told.finished for told in driver.pool] == [3]
    driver.finish()
    assert [told.finished for told in driver.pool] == [3, 1]
    assert driver.states == [State.RUNNING, State.READY]
    assert driver.count(i.RunContainer) == 4
    assert driver.count(i.InitializeContainer) == 0


@pytest.mark.scenario("CP-26")
def test_an_application_error_leaves_the_container_in_use() -> None:
    driver = Driver().ready()
    driver.run(run(1))
    driver.finish(b'{"error":"mine"}')
    driver.run(run(2))
    driver.finish()
    driver.after(10).give(e.IdleTimerFired)
    driver.give(e.ContainerPaused)
    assert [record.response.status_code for record in driver.stored] == [1, 0]
    assert driver.count(i.DestroyContainer) == 0
    assert driver.states == [State.RUNNING, State.READY, State.RUNNING, State.READY, State.PAUSING, State.PAUSED]


@pytest.mark.scenario("CP-37")
def test_a_remove_waits_for_the_run() -> None:
    driver = Driver().prewarmed()
    driver.run()
    driver.give(e.RemoveAsked)
    driver.initialized()
    driver.finish()
    driver.destroyed()
    assert kinds(driver.pool) == [NeedWork, ContainerRemoved, ContainerDestroyed]
    assert driver.pool[1].replace_prewarm
    assert (driver.count(i.PauseContainer), driver.count(i.DestroyContainer)) == (0, 1)


@pytest.mark.scenario("CP-38")
def test_a_run_that_comes_too_late_is_handed_back() -> None:
    driver = Driver().paused()
    driver.after(600).give(e.IdleTimerFired)
    assert driver.of(i.DestroyContainer) == [i.DestroyContainer(resume_first=True)]
    late = run(7)
    driver.run(late)
    driver.destroyed()
    assert driver.pool == [RescheduleJob(), late, ContainerDestroyed()]
    assert driver.proxy.state is State.REMOVING


@pytest.mark.scenario("CP-41")
def test_a_remove_before_the_prewarm_is_ready_does_not_wait_for_it() -> None:
    """OpenWhisk serves it when the container is ready. If it is ready all the same, what follows is as there."""
    driver = Driver()
    driver.give(e.StartAsked, START)
    driver.give(e.RemoveAsked)
    assert driver.count(i.GiveUpCreation) == 1
    assert driver.pool == [ContainerRemoved(False)]
    driver.created()
    assert driver.count(i.DestroyContainer) == 1
    assert kinds(driver.pool) == [ContainerRemoved]
    driver.destroyed()
    assert driver.pool[1:] == [ContainerDestroyed()]


def test_the_memory_of_a_prewarm_that_was_given_up_is_free_when_nothing_is_left_of_it() -> None:
    driver = Driver()
    driver.give(e.StartAsked, START)
    driver.run()
    driver.give(e.RemoveAsked)
    assert kinds(driver.pool) == [ContainerRemoved, Run]
    driver.give(e.ContainerCreationFailed, None)
    assert driver.pool[2:] == [ContainerDestroyed()]
    assert driver.count(i.DestroyContainer) == 0
    assert driver.give(e.DismissAsked) == [i.Stop()]


def test_a_run_before_the_prewarm_is_ready_is_served_after_it() -> None:
    driver = Driver()
    driver.give(e.StartAsked, START)
    driver.run()
    driver.created()
    driver.initialized()
    driver.finish()
    assert driver.proxy.state is State.READY


@pytest.mark.scenario("CP-43")
def test_a_run_during_the_pause_is_served_after_it() -> None:
    driver = Driver().ready()
    driver.after(10).give(e.IdleTimerFired)
    driver.run()
    assert driver.count(i.ResumeContainer) == 0
    driver.give(e.ContainerPaused)
    assert driver.count(i.ResumeContainer) == 1
    assert driver.states == [State.PAUSING, State.RUNNING]


@pytest.mark.scenario("CP-44")
def test_a_remove_of_a_paused_container_wakes_it_before_it_goes() -> None:
    driver = Driver().paused()
    driver.give(e.RemoveAsked)
    assert driver.pool == [RescheduleJob()]
    assert driver.of(i.DestroyContainer) == [i.DestroyContainer(resume_first=True)]


@pytest.mark.scenario("CP-45")
def test_whatever_the_pool_says_keeps_an_idle_container_awake() -> None:
    driver = Driver().ready()
    for _ in range(4):
        driver.after(5).give(e.DismissAsked)  # unexpected here: a defect is reported, nothing else happens
        driver.give(e.IdleTimerFired)
    assert driver.count(i.PauseContainer) == 0
    assert driver.of(i.SetTimer)[-1] == i.SetTimer("idle", 10.0)
    driver.after(10).give(e.IdleTimerFired)
    assert driver.count(i.PauseContainer) == 1


@pytest.mark.scenario("CP-46")
def test_a_remove_without_a_container_is_ignored() -> None:
    driver = Driver()
    assert driver.give(e.RemoveAsked) == []
    assert driver.proxy.state is State.UNINITIALIZED


def test_a_busy_container_arms_its_timer_once_per_grace() -> None:
    driver = Driver().ready()
    for number in range(1, 9):
        driver.after(1).run(run(number))
        driver.finish()
    assert driver.count(i.SetTimer) == 0
    driver.after(2).give(e.IdleTimerFired)
    assert driver.of(i.SetTimer) == [i.SetTimer("idle", 8.0)]
    driver.after(8).give(e.IdleTimerFired)
    assert driver.proxy.state is State.PAUSING


def test_without_pauses_an_unused_container_goes_after_the_timeout() -> None:
    driver = Driver(ContainerProxy(evolve(SETTINGS, pause_grace=None)))
    driver.ready()
    driver.after(599).give(e.IdleTimerFired)
    assert driver.proxy.state is State.READY
    driver.after(1).give(e.IdleTimerFired)
    assert driver.pool == [RescheduleJob()]


def test_the_proxy_stops_when_the_pool_has_nothing_more_for_it() -> None:
    driver = Driver().ready()
    driver.give(e.RemoveAsked)
    driver.destroyed()
    assert driver.of(i.SetTimer)[-1] == i.SetTimer("linger", 30.0)
    assert driver.give(e.DismissAsked) == [i.Stop()]
    late = run(9)
    assert driver.run(late)[0].message is late


def test_a_proxy_nobody_dismisses_stops_after_a_while() -> None:
    driver = Driver().ready()
    driver.give(e.RemoveAsked)
    driver.destroyed()
    assert driver.after(30).give(e.LingerOver) == [i.Stop()]


def test_a_dismissal_during_the_removal_is_remembered() -> None:
    driver = Driver().ready()
    driver.give(e.RemoveAsked)
    driver.give(e.DismissAsked)
    assert driver.destroyed()[-1] == i.Stop()


@pytest.mark.scenario("CP-16")
def test_prewarms_are_pinged_until_they_run() -> None:
    driver = Driver(ContainerProxy(evolve(SETTINGS, health_check=HealthCheckSettings(True, 0.1))))
    driver.give(e.StartAsked, START)
    driver.created()
    assert driver.of(i.EnablePing) == [i.EnablePing(CONTAINER)]
    driver.run()
    assert driver.count(i.DisablePing) == 1


@pytest.mark.scenario("WIRE-16")
@pytest.mark.scenario("CP-39")
@pytest.mark.parametrize(("value", "told"), [(False, False), (True, True), (None, True)])
def test_the_api_key_is_kept_back_only_if_the_annotation_says_so(value: bool | None, told: bool) -> None:
    annotations = action().annotations.without("provide-api-key")
    if value is not None:
        annotations = annotations.put("provide-api-key", value)
    driver = Driver().prewarmed()
    driver.run(run(1, action(annotations=annotations)))
    driver.initialized()
    init, started = driver.of(i.InitializeContainer)[0], driver.of(i.RunContainer)[0]
    assert ("__OW_API_KEY" in init.body["value"]["env"]) is told
    assert ("api_key" in started.body) is told


@pytest.mark.scenario("WIRE-17")
@pytest.mark.scenario("CP-40")
def test_what_init_and_run_are_told() -> None:
    driver = Driver().prewarmed()
    driver.run(run(1, content={"name": "Ada", "SECRET": {"a": 1}, "NONE": None}, init_args=("SECRET", "NONE")))
    driver.after(1).initialized()
    init, started = driver.of(i.InitializeContainer)[0], driver.of(i.RunContainer)[0]
    value = init.body["value"]
    assert {name: value[name] for name in ("name", "main", "binary", "code")} == {
        "name": "greet",
        "main": "main",
        "binary": False,
        "code": "function main() {}",
    }
    assert value["env"] == {
        "SECRET": '{"a":1}',
        "NONE": "",
        "__OW_API_KEY": "23bc46b1:secret",
        "__OW_NAMESPACE": "guest",
        "__OW_ACTION_NAME": "/guest/tools/greet",
        "__OW_ACTION_VERSION": "0.0.4",
        "__OW_ACTIVATION_ID": f"{1:032x}",
        "__OW_TRANSACTION_ID": "tid1",
        "__OW_DEADLINE": str(int(T0 * 1000) + 1000),
    }
    assert started.body["value"] == {"name": "Ada"}
    assert started.body["deadline"] == str(int(T0 * 1000) + 2000)
    assert all(isinstance(started.body[name], str) for name in started.body if name != "value")
    assert init.timeout == started.timeout == 1.0


def test_a_namespace_may_lower_the_size_of_answers_but_not_raise_it() -> None:
    from owactors.entity.limits import UserLimits
    from owactors.entity.size import ByteSize

    limits = UserLimits(max_payload_size=ByteSize.kb(1), truncation_size=ByteSize.mb(9))
    user: Identity = evolve(run().msg.user, limits=limits)
    driver = Driver().ready()
    driver.run(run(1, user=user))
    started = driver.of(i.RunContainer)[0]
    assert (started.response_limit, started.truncation_limit) == (1024, 1024 * 1024)


def test_start_and_run_are_compared_as_meant() -> None:
    assert Start(START.exec, START.memory_limit) == START
    one = run()
    assert Run(one.action, one.msg) != one


def test_without_an_unused_timeout_only_the_pool_ends_an_idle_container() -> None:
    driver = Driver(ContainerProxy(evolve(SETTINGS, unused_timeout=None))).paused()
    assert driver.proxy.idle_timer_due is None
    driver.give(e.RemoveAsked)
    assert driver.pool == [RescheduleJob()]


def test_a_record_says_what_the_parts_of_a_cold_start_took_and_how_its_log_was_read() -> None:
    driver = Driver()
    driver.run()
    driver.now += 0.1
    driver.take(i.CreateContainer)
    driver.proxy.handle(e.ContainerCreated(CONTAINER, driver.now, {"pull": 1234.56, "create": 3.04, "ready": 20.0}))
    driver.open += [x for x in driver.proxy.instructions if isinstance(x, i.InitializeContainer)]
    driver.initialized()
    driver.finish()
    parts = {"wait": 50.0, "pull": 1234.6, "create": 3.0, "ready": 20.0, "init": 40, "run": 20}
    assert annotation(driver.stored[0], "phases") == parts
    assert list(annotation(driver.stored[0], "phases")) == list(parts)
    assert annotation(driver.stored[0], "logs") == "complete"


def test_a_record_of_a_prewarmed_and_of_a_warm_call() -> None:
    driver = Driver()
    driver.give(e.StartAsked, START)
    driver.created()
    driver.run()
    driver.initialized()
    driver.finish()
    driver.run(run(2))
    driver.ran()
    driver.collected("much", state="truncated")
    first, second = driver.stored
    assert annotation(first, "phases") == {"wait": 50.0, "init": 40, "run": 20}
    assert annotation(second, "phases") == {"wait": 50.0, "run": 20}
    assert annotation(second, "logs") == "truncated"


def test_a_record_says_what_waking_took_and_how_long_others_waited_for_it() -> None:
    driver = Driver().paused()
    begun = int(driver.now * 1000)
    driver.run(run(2, transid=TransactionId("a", begun - 7)))
    driver.now += 0.02
    driver.run(run(3, transid=TransactionId("b", begun + 20)))
    driver.now += 0.01
    driver.give(e.ContainerResumed)
    for _ in range(2):
        driver.ran()
        driver.collected()
    woken, waited = (annotation(record, "phases") for record in driver.stored[-2:])
    assert list(woken) == ["wait", "resume", "run"]
    assert woken["wait"] == pytest.approx(7, abs=1)
    assert woken["resume"] == pytest.approx(30, abs=1)
    assert list(waited) == ["wait", "run"]
    assert waited["wait"] >= 10


def test_records_have_only_the_annotations_of_openwhisk_if_that_is_wanted() -> None:
    driver = Driver(ContainerProxy(evolve(SETTINGS, annotations=False)))
    driver.run()
    driver.created()
    driver.initialized()
    driver.finish()
    assert {"phases", "logs"}.isdisjoint(driver.stored[0].annotations)
    assert driver.stored[0].logs == ("line",)


def test_a_prewarm_gets_the_memory_of_its_action_before_its_code() -> None:
    driver = Driver().prewarmed()
    driver.run(run(1, action(memory=512)))
    wanted = driver.take(i.ResizeContainer)
    assert (wanted.memory, wanted.cpu_shares, wanted.cpu_limit) == (512 * 2**20, 512, None)
    assert driver.count(i.InitializeContainer) == 0
    driver.give(e.ContainerResized, 15.24)
    driver.give(e.ContainerResized, 15.24)  # what comes twice changes nothing
    assert driver.count(i.InitializeContainer) == 1
    driver.initialized()
    driver.finish()
    assert annotation(driver.stored[0], "phases") == {"wait": 50.0, "resize": 15.2, "init": 40, "run": 20}
    assert driver.proxy.state is State.READY


def test_a_prewarm_that_cannot_be_resized_goes_and_its_run_goes_elsewhere() -> None:
    driver = Driver().prewarmed()
    wanted = run(1, action(memory=512))
    driver.run(wanted)
    driver.take(i.ResizeContainer)
    driver.give(e.ResizeFailed, "no")
    assert kinds(driver.pool) == [RescheduleJob, Run]
    assert driver.pool[1].attempts == 1
    assert driver.count(i.DestroyContainer) == 1
    assert driver.stored == []


@pytest.mark.parametrize("store", ["file", "out-of-band"])
def test_a_log_is_in_the_files_before_the_job_ends(store: Any) -> None:
    driver = Driver(ContainerProxy(evolve(SETTINGS, log_store=store))).ready_keeping()
    driver.run()
    driver.ran()
    driver.collected("a", "b")
    kept = driver.take(i.KeepLogs)
    assert (kept.lines, kept.record.logs, kept.namespace_id) == (("a", "b"), (), "23bc46b1")
    assert driver.stored == []
    driver.give(e.LogsKept, kept.job)
    [record] = driver.stored
    expected = (("a", "b"), "complete") if store == "file" else ((), "out_of_band")
    assert (record.logs, annotation(record, "logs")) == expected
    assert annotation(kept.record, "logs") == expected[1]
    assert driver.proxy.state is State.READY


def test_the_caller_does_not_wait_for_the_files_though_the_log_is_there() -> None:
    driver = Driver(ContainerProxy(evolve(SETTINGS, log_store="file"))).ready_keeping()
    driver.forget().run()
    driver.ran_with_logs("a")
    assert (kinds(driver.acks), driver.stored) == ([ResultMessage], [])
    driver.give(e.LogsKept, driver.take(i.KeepLogs).job)
    assert (kinds(driver.acks), driver.stored[0].logs) == ([ResultMessage, CompletionMessage], ("a",))


def test_a_log_that_no_file_takes_is_in_the_record() -> None:
    driver = Driver(ContainerProxy(evolve(SETTINGS, log_store="out-of-band"))).ready_keeping()
    driver.run()
    driver.ran()
    driver.collected("a", state="truncated")
    driver.give(e.LogsNotKept, driver.take(i.KeepLogs).job, "no space left")
    assert driver.stored[0].logs == ("a",)
    assert annotation(driver.stored[0], "logs") == "truncated"
    assert "no space left" in driver.of(i.Warn)[0].text
    assert driver.proxy.state is State.READY


def test_a_log_out_of_step_costs_the_container_though_it_is_kept() -> None:
    driver = Driver(ContainerProxy(evolve(SETTINGS, log_store="out-of-band"))).ready_keeping()
    driver.run()
    driver.ran()
    driver.collected("a", state="timed_out")
    driver.give(e.LogsKept, driver.take(i.KeepLogs).job)
    assert annotation(driver.stored[0], "logs") == "out_of_band"
    assert driver.count(i.DestroyContainer) == 1


def test_what_the_engines_log_driver_takes_is_not_read() -> None:
    driver = Driver(ContainerProxy(evolve(SETTINGS, log_store="driver")))
    driver.run()
    driver.created()
    driver.initialized()
    assert driver.take(i.RunContainer).log_limit == 0
    driver.give(e.RunEnded, 1, result(driver.now, 5, OK_BODY))
    assert driver.count(i.CollectLogs) == 0
    assert annotation(driver.stored[0], "logs") == "out_of_band"


def test_an_exit_while_a_log_is_written_loses_none_of_it() -> None:
    driver = Driver(ContainerProxy(evolve(SETTINGS, log_store="file"))).ready_keeping()
    driver.run()
    driver.ran()
    driver.collected("a")
    driver.give(e.ShellFailed, "the invoker stops")
    assert driver.stored[0].logs == ("a",)
