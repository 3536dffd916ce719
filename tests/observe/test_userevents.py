"""Figures of user events: the recorded ones, added up as a Prometheus server reads them."""

from __future__ import annotations

from collections import Counter

from attrs import evolve
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from owactors.message.event import ActivationEvent, EventMessage, MetricEvent
from owactors.observe.userevents import UserEventRecorder
from tests.message.recordings import recorded

CALLED = ActivationEvent("maker/box/hello", "0" * 32, 1, 250, 40, 0, "python:3", False, 256)
BY = {"namespace": "maker", "initiator": "caller", "action": "box/hello"}


def figures(*messages: EventMessage) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    recorder = UserEventRecorder()
    for message in messages:
        recorder.record(message)
    text = generate_latest(recorder.registry).decode()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def event(body: ActivationEvent | MetricEvent) -> EventMessage:
    return EventMessage("invoker0", body, "subject", "caller", "uuid", 0)


def test_a_call_is_counted_by_owner_caller_and_action() -> None:
    cold = evolve(CALLED, init_time=500, size=3 * 1024 * 1024, user_defined_status_code=404, status_code=0)
    found = figures(event(CALLED), event(cold))

    def figure(name: str, **labels: str) -> float | None:
        return found.get((f"openwhisk_action_{name}", frozenset({**BY, **labels}.items())))

    assert figure("activations_total", kind="python:3", memory="256") == 2
    assert figure("coldStarts_total") == 1
    assert (figure("waitTime_seconds_count"), figure("waitTime_seconds_sum")) == (2, 0.08)
    assert (figure("initTime_seconds_count"), figure("initTime_seconds_sum")) == (1, 0.5)
    assert (figure("duration_seconds_bucket", le="0.1"), figure("duration_seconds_bucket", le="0.25")) == (0, 2)
    sizes = {
        float(dict(labels)["le"]): value
        for (name, labels), value in found.items()
        if name == "openwhisk_action_response_size_bytes_bucket"
    }
    assert [sizes[number * 1024 * 1024] for number in (0, 2, 3, 9)] == [0, 0, 1, 1]
    assert (figure("status", status="application_error"), figure("status", status="success")) == (1, 1)
    assert figure("status_code", status_code="404") == 1
    assert figure("memory") == 256


def test_refusals_are_counted_and_what_is_in_flight_is_not() -> None:
    names = ("ConcurrentRateLimit", "TimedRateLimit", "TimedRateLimit", "ConcurrentInvocations")
    found = figures(*(event(MetricEvent(name, 1)) for name in names))
    values = {name: value for (name, labels), value in found.items() if ("namespace", "caller") in labels}
    assert values["openwhisk_action_limit_concurrent_total"] == 1
    assert values["openwhisk_action_limit_timed_total"] == 2
    assert all("limit_" in name for name in values)


def test_every_recorded_event_counts() -> None:
    messages = [EventMessage.from_json(message.value) for message in recorded("events")]
    calls = Counter(message.body.name for message in messages if isinstance(message.body, ActivationEvent))
    found = figures(*messages)
    counted: Counter[str] = Counter()
    for (name, labels), value in found.items():
        if name == "openwhisk_action_activations_total":
            of = dict(labels)
            counted[f"{of['namespace']}/{of['action']}"] += int(value)
    assert counted == calls
    assert calls
