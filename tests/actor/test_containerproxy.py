"""The proxy's actor: instructions carried out against a scripted container, outcomes fed back."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from owactors.actor.containerproxy import ContainerProxy
from owactors.container.port import BlackboxStartupError, ContainerError, Logs, WhiskContainerStartupError
from owactors.core.reply import ConnectionFailed
from owactors.message.ack import CombinedCompletionAndResultMessage, CompletionMessage, ResultMessage
from owactors.message.container import (
    ContainerDestroyed,
    ContainerRemoved,
    Dismiss,
    HealthCheckSettings,
    HealthPingEnabled,
    HealthPingFailed,
    NeedWork,
    PingSetup,
    Remove,
    RescheduleJob,
    Run,
)
from owactors.observe.metrics import METRICS
from tests.actor.harness import Bench
from tests.actor.proxying import ProxyBench, ScriptedContainer, ScriptedFactory, reply
from tests.core.proxying import KIND, START, action, kinds, run


def told_kinds(bench: ProxyBench) -> list[type]:
    return kinds(bench.told)


@pytest.mark.scenario("CP-06")
def test_start_asks_the_factory_and_offers_the_container() -> None:
    bench = ProxyBench(environment={"__OW_API_HOST": "http://localhost"})
    bench.say(START)
    spec = bench.factory.specs[0]
    assert (spec.name, spec.kind, spec.memory) == ("wsk0_1_prewarm_nodejs20", KIND, START.memory_limit.bytes)
    assert spec.environment == {"__OW_API_HOST": "http://localhost"}
    assert told_kinds(bench) == [NeedWork]
    assert bench.told[0].data.container.address == "memory:c1"
    assert bench.state == "Started"


@pytest.mark.scenario("CP-07")
def test_from_prewarm_to_removal() -> None:
    bench = ProxyBench()
    bench.say(START, run())
    for name in ("idle", "idle"):
        bench.actor._machine.idle_since -= 1000  # type: ignore[attr-defined]
        bench.fire(name)
        bench.settle()
    assert told_kinds(bench) == [NeedWork, NeedWork, RescheduleJob, ContainerDestroyed]
    assert bench.container.calls == ["rehearse", "initialize", "run", "logs", "suspend", "resume", "destroy"]
    assert (kinds(bench.acks), len(bench.records)) == ([ResultMessage, CompletionMessage], 1)


def test_only_a_prewarmed_container_rehearses_and_it_goes_if_that_is_broken_off() -> None:
    bench = ProxyBench()
    bench.say(run())
    assert bench.container.calls[0] == "initialize"
    bench = ProxyBench(factory=ScriptedFactory(ScriptedContainer(script={"rehearse": [OSError("broken off")]})))
    bench.say(START)
    assert bench.container.calls == ["rehearse", "destroy"]
    assert told_kinds(bench) == [ContainerRemoved, ContainerDestroyed]


@pytest.mark.scenario("CP-10")
def test_a_cold_start_runs() -> None:
    bench = ProxyBench()
    bench.say(run())
    assert bench.factory.specs[0].labels == {
        "owactors.action": "guest/tools/greet@0.0.4",
        "owactors.revision": "1-a",
    }
    assert bench.container.calls == ["initialize", "run", "logs"]
    assert told_kinds(bench) == [NeedWork]
    assert bench.records[0].logs == ("line",)
    assert bench.state == "Ready"
    assert bench.timers == {"idle": 10.0}


@pytest.mark.scenario("CP-08")
def test_a_warm_run_needs_no_init() -> None:
    bench = ProxyBench()
    bench.say(run(1))
    bench.say(run(2))
    assert (bench.count("initialize"), bench.count("run")) == (1, 2)
    assert told_kinds(bench) == [NeedWork, NeedWork]


@pytest.mark.scenario("CP-12")
@pytest.mark.scenario("CP-11")
@pytest.mark.parametrize(("blocking", "kind"), [(True, CombinedCompletionAndResultMessage), (False, CompletionMessage)])
def test_one_acknowledgement_where_no_logs_are_wanted(blocking: bool, kind: type) -> None:
    bench = ProxyBench()
    bench.say(run(1, action(logs=0), blocking=blocking))
    assert kinds(bench.acks) == [kind]
    assert bench.count("logs") == 0


@pytest.mark.scenario("CP-18")
def test_two_runs_during_init() -> None:
    two = action(concurrency=2)
    bench = ProxyBench()
    bench.say(START)
    bench.give(run(1, two), "pool")
    bench.give(run(2, two), "pool")
    bench.settle()
    assert told_kinds(bench) == [NeedWork, NeedWork, NeedWork]
    assert bench.state == "Ready"


@pytest.mark.scenario("DK-13")
@pytest.mark.scenario("CP-15")
def test_a_refused_run_goes_back() -> None:
    bench = ProxyBench()
    bench.say(run(0))
    bench.take()
    bench.container.script["run"] = [ConnectionFailed("refused")]
    first, second = run(1), run(2)
    bench.give(first, "pool")
    bench.give(second, "pool")
    bench.settle()
    assert told_kinds(bench) == [Run, RescheduleJob, Run, ContainerDestroyed]
    assert [bench.told[0].msg, bench.told[2].msg] == [second.msg, first.msg]
    assert bench.acks == []


@pytest.mark.scenario("CP-27")
@pytest.mark.scenario("CP-28")
@pytest.mark.parametrize(
    ("failure", "status", "text"),
    [
        (BlackboxStartupError("bad image"), 2, "bad image"),
        (WhiskContainerStartupError("no launcher"), 3, "no launcher"),
        (OSError("boom"), 3, "Failed to provision resources to run the action."),
    ],
)
def test_no_container_can_be_made(failure: Exception, status: int, text: str) -> None:
    bench = ProxyBench(factory=ScriptedFactory(failure=failure))
    bench.say(run())
    assert told_kinds(bench) == [ContainerRemoved, ContainerDestroyed]
    assert (bench.records[0].response.status_code, bench.records[0].response.result) == (status, {"error": text})
    assert kinds(bench.acks) == [CombinedCompletionAndResultMessage]


@pytest.mark.scenario("DK-11")
@pytest.mark.scenario("CP-29")
def test_a_failed_init() -> None:
    bench = ProxyBench(factory=ScriptedFactory(ScriptedContainer(script={"initialize": [reply(b"", 502)]})))
    bench.say(run())
    assert told_kinds(bench) == [ContainerRemoved, ContainerDestroyed]
    assert bench.container.calls == ["initialize", "logs", "destroy"]
    assert bench.records[0].response.status_code == 2


@pytest.mark.scenario("CP-20")
@pytest.mark.scenario("CP-23")
@pytest.mark.parametrize("call", ["initialize", "run"])
def test_a_container_that_raises(call: str) -> None:
    container = ScriptedContainer(script={call: [ValueError("unexpected")]})
    bench = ProxyBench(factory=ScriptedFactory(container))
    bench.say(run())
    assert bench.records[0].response.status_code == 3
    assert "ValueError: unexpected" in bench.records[0].response.result["error"]
    assert told_kinds(bench) == [ContainerRemoved, ContainerDestroyed]


@pytest.mark.scenario("CP-31")
@pytest.mark.scenario("CP-32")
@pytest.mark.parametrize(
    ("logs", "kept"),
    [
        (Logs(("partial",), "timed_out"), ("partial",)),
        (OSError("gone"), ("There was an issue while collecting your logs. Data might be missing.",)),
    ],
)
def test_logs_that_are_incomplete_cost_the_container(logs: Any, kept: tuple[str, ...]) -> None:
    bench = ProxyBench(factory=ScriptedFactory(ScriptedContainer(script={"logs": [logs]})))
    bench.say(run())
    assert bench.records[0].logs == kept
    assert bench.count("destroy") == 1


def test_logs_that_came_with_the_answer_are_not_waited_for() -> None:
    script = {"logs at hand": [Logs(("at", "hand"))]}
    bench = ProxyBench(factory=ScriptedFactory(ScriptedContainer(script=script)))
    bench.say(run())
    assert bench.records[0].logs == ("at", "hand")
    assert bench.container.calls == ["initialize", "run"]
    assert kinds(bench.acks) == [CombinedCompletionAndResultMessage]
    assert told_kinds(bench) == [NeedWork]


def test_truncated_logs_do_not_cost_the_container() -> None:
    logs = Logs(("much", "cut"), "truncated")
    bench = ProxyBench(factory=ScriptedFactory(ScriptedContainer(script={"logs": [logs]})))
    bench.say(run())
    assert bench.records[0].logs == ("much", "cut")
    assert bench.state == "Ready"


def paused() -> ProxyBench:
    bench = ProxyBench()
    bench.say(run(0))
    bench.actor._machine.idle_since -= 1000  # type: ignore[attr-defined]
    bench.fire("idle")
    bench.settle()
    assert bench.state == "Paused"
    bench.take()
    return bench


@pytest.mark.scenario("CP-09")
def test_a_paused_container_wakes() -> None:
    bench = paused()
    bench.say(run(1))
    assert bench.container.calls[-3:] == ["resume", "run", "logs"]
    assert told_kinds(bench) == [NeedWork]


@pytest.mark.scenario("CP-33")
def test_a_paused_container_that_does_not_wake() -> None:
    bench = paused()
    bench.container.script["resume"] = [ContainerError("frozen")]
    bench.say(run(1))
    assert told_kinds(bench) == [RescheduleJob, Run, ContainerDestroyed]
    assert bench.count("run") == 1


@pytest.mark.scenario("CP-36")
def test_a_container_that_cannot_be_paused() -> None:
    bench = ProxyBench()
    bench.container.script["suspend"] = [ContainerError("no freezer")]
    bench.say(run())
    bench.take()
    bench.actor._machine.idle_since -= 1000  # type: ignore[attr-defined]
    bench.fire("idle")
    bench.settle()
    assert told_kinds(bench) == [ContainerRemoved, ContainerDestroyed]


@pytest.mark.scenario("CP-38")
def test_a_run_during_the_removal_goes_back() -> None:
    bench = paused()
    bench.give(Remove(), "pool")
    late = run(7)
    bench.give(late, "pool")
    bench.settle()
    assert bench.told[:2] == [RescheduleJob(), late]
    assert told_kinds(bench)[2:] == [ContainerDestroyed]
    assert bench.container.calls[-2:] == ["resume", "destroy"]


@pytest.mark.scenario("CP-48")
def test_a_removal_that_fails_is_tried_again() -> None:
    bench = ProxyBench()
    bench.say(run())
    bench.container.script["destroy"] = [ContainerError("busy")]
    bench.say(Remove())
    assert bench.timers["destroy"] == 1.0
    bench.fire("destroy")
    bench.settle()
    assert bench.count("destroy") == 2
    assert told_kinds(bench)[-1] is ContainerDestroyed


def test_the_proxy_exits_when_dismissed() -> None:
    bench = ProxyBench()
    bench.say(run(), Remove())
    bench.take()
    bench.say(Dismiss())
    assert [type(sent.message).__name__ for sent in bench.sent] == ["ActorExitRequest"]
    bench.give_own()
    assert bench.engine.closed
    assert bench.acks == []


@pytest.mark.scenario("CP-16")
@pytest.mark.scenario("CP-17")
def test_a_prewarm_is_pinged_until_it_runs() -> None:
    bench = ProxyBench(health_check=HealthCheckSettings(True, 0.1, 3))
    bench.say(START)
    child = bench.created[0].address
    assert kinds(bench.sent_to(child)) == [PingSetup, HealthPingEnabled]
    assert bench.sent_to(child)[0].container is bench.container
    bench.give(HealthPingFailed("refused"), child)
    bench.settle()
    assert told_kinds(bench) == [NeedWork, ContainerRemoved, ContainerDestroyed]
    bench = ProxyBench(health_check=HealthCheckSettings(True, 0.1, 3))
    bench.say(START, run())
    assert bench.sent_to(bench.created[0].address)[-1] == HealthPingEnabled(False)


def test_a_shell_that_fails_ends_its_jobs_and_tells_why(caplog: pytest.LogCaptureFixture) -> None:
    bench = ProxyBench()
    bench.say(run(0))
    bench.take()
    broken = bench.actor._does.copy()  # type: ignore[attr-defined]
    bench.actor._does = broken  # type: ignore[attr-defined]
    from owactors.core.containerproxy.instructions import RunContainer

    def fails(actor: ContainerProxy, instruction: RunContainer) -> None:
        raise OSError("no more tasks")

    broken[RunContainer] = fails
    with caplog.at_level(logging.ERROR):
        bench.say(run(1))
    assert "Running: RunAsked" in caplog.text or "Ready: RunAsked" in caplog.text
    assert "OSError: no more tasks" in bench.records[0].response.result["error"]
    assert kinds(bench.acks) == [CombinedCompletionAndResultMessage]
    assert told_kinds(bench) == [ContainerRemoved, ContainerDestroyed]
    assert bench.told[0].finished == 1


def test_told_to_exit_the_proxy_ends_its_jobs() -> None:
    bench = ProxyBench()
    bench.say(run(0))
    bench.take()
    bench.give(run(1), "pool")
    bench.exit()
    assert "the invoker stops" in bench.records[0].response.result["error"]
    assert told_kinds(bench) == [ContainerRemoved, ContainerDestroyed]


def test_told_to_exit_while_retiring_the_proxy_still_reports_each_end_once() -> None:
    two = action(concurrency=2)
    bench = ProxyBench()
    bench.say(run(0, two))
    bench.take()
    bench.container.script["run"] = [reply(b"nonsense")]
    bench.give(run(1, two), "pool")
    bench.give(run(2, two), "pool")
    bench.works[0].run()
    bench.work("collect_logs").run()
    assert [told.finished for told in bench.told] == [1]
    bench.exit()
    assert [told.finished for told in bench.told] == [1, 1]
    assert len(bench.records) == 2


def test_a_run_before_the_setup_goes_back() -> None:
    bench = Bench(ContainerProxy)
    wanted = run()
    bench.give(wanted, "pool")
    assert bench.sent_to("pool") == [wanted]


@pytest.mark.scenario("CP-39")
def test_the_body_of_run_carries_the_key_of_the_caller() -> None:
    bench = ProxyBench()
    bench.say(run())
    init, started = bench.container.bodies
    assert init["value"]["env"]["__OW_API_KEY"] == "23bc46b1:secret"
    assert (started["api_key"], started["value"]) == ("23bc46b1:secret", {"name": "Ada"})


def markers_in(caplog: pytest.LogCaptureFixture) -> list[str]:
    marked = [line for line in caplog.messages if "[marker:" in line]
    return [line.split("[marker:")[1].split(":")[0] for line in marked]


@pytest.mark.scenario("DK-11")
def test_markers_for_init_run_and_logs(caplog: pytest.LogCaptureFixture) -> None:
    bench = ProxyBench()
    with caplog.at_level(logging.INFO):
        bench.say(run())
    assert "made container c1: create 10.0 ms, start 200.0 ms" in caplog.text
    assert markers_in(caplog) == [
        "invoker_docker.run_start",
        "invoker_docker.run_finish",
        "invoker_activationInit_start",
        "invoker_activationInit_finish",
        "invoker_activationRun_start",
        "invoker_activationRun_finish",
        "invoker_collectLogs_start",
        "invoker_collectLogs_finish",
    ]


@pytest.mark.scenario("DK-27")
@pytest.mark.parametrize("refused", [False, True])
def test_markers_of_what_is_asked_of_the_engine(caplog: pytest.LogCaptureFixture, refused: bool) -> None:
    """A start and a finish for each command, an error for one that failed."""
    failure = ContainerError("no")
    script = {"suspend": [failure], "destroy": [failure]} if refused else {}
    bench = ProxyBench(factory=ScriptedFactory(ScriptedContainer(script=script)))
    with caplog.at_level(logging.INFO):
        bench.say(START)
        bench.say(run())
        bench.actor._machine.idle_since -= 1000  # type: ignore[attr-defined]
        bench.fire("idle")
        bench.settle()
        bench.say(Remove())
    ending = "error" if refused else "finish"
    seen = [token for token in markers_in(caplog) if token.startswith("invoker_docker")]
    assert seen[:2] == ["invoker_docker.run_start", "invoker_docker.run_finish"]
    assert seen[2:4] == ["invoker_docker.pause_start", f"invoker_docker.pause_{ending}"]
    assert seen[-2:] == ["invoker_docker.rm_start", f"invoker_docker.rm_{ending}"]


@pytest.mark.scenario("DK-27")
def test_markers_of_a_creation_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    bench = ProxyBench(factory=ScriptedFactory(failure=WhiskContainerStartupError("no engine")))
    with caplog.at_level(logging.INFO):
        bench.say(run())
    assert markers_in(caplog)[:2] == ["invoker_docker.run_start", "invoker_docker.run_error"]


def test_each_phase_is_measured_by_kind() -> None:
    before = METRICS.snapshot().histograms
    bench = ProxyBench()
    bench.say(run())
    after = METRICS.snapshot().histograms
    for phase in ("wait", "create", "start", "init", "run"):
        name = ("container_phase_finish_seconds", (("kind", KIND), ("phase", phase)))
        assert sum(after[name][0]) == sum(before.get(name, ((), 0))[0]) + 1, phase
