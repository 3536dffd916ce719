"""Recorded activations run once more: acknowledgements, record and event are those of the running OpenWhisk.

A proxy gets the recorded message, and what the container must have answered at the recorded times. What it says then
is compared with what was on the topics and in the database, value by value.
"""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest
from attrs import evolve, frozen

from owactors.core.containerproxy import events as e
from owactors.core.containerproxy import instructions as i
from owactors.core.containerproxy.proxy import ContainerProxy
from owactors.core.invoker.fallback import fallback_activation
from owactors.core.invoker.intake import ActionFetched, Arrived, FetchAction, FetchFailed, Intake, Refuse
from owactors.core.reply import (
    ContainerReply,
    Interval,
    MemoryExhausted,
    NoResponseReceived,
    Outcome,
    RunResult,
    RunTimeout,
)
from owactors.entity.action import WhiskAction
from owactors.entity.activation import APPLICATION_ERROR, DEVELOPER_ERROR, SUCCESS, WhiskActivation
from owactors.entity.errors import DeserializationError
from owactors.entity.exec import BlackBoxExec, CodeExec, SequenceExec
from owactors.entity.instance import InvokerInstanceId
from owactors.entity.limits import ActionLimits
from owactors.entity.names import FullyQualifiedEntityName
from owactors.entity.semver import SemVer
from owactors.message.ack import CombinedCompletionAndResultMessage
from owactors.message.activation import ActivationMessage
from owactors.message.container import Run
from owactors.message.event import ActivationEvent
from owactors.message.payload import to_payload
from owactors.message.store import NoDocument
from tests.core.proxying import CONTAINER, SETTINGS, Driver
from tests.message.recordings import FOLDER, Recorded, recorded

LIMIT = 1024 * 1024
TRUNCATED = "The truncated response was: "
NO_SIZE = {
    "The action exhausted its memory and was aborted.": MemoryExhausted(),
    "The action did not produce a valid response and exited unexpectedly.": NoResponseReceived(),
}


#: how many were recorded of each
RAN_COUNT, REFUSED_COUNT = 161, 6


@frozen
class Case:
    """One recorded activation: the message, what was acknowledged, the record in the database, the event's body."""

    call: str
    message: dict[str, Any]
    acks: list[dict[str, Any]]
    record: dict[str, Any]
    event: dict[str, Any] | None

    @property
    def notes(self) -> dict[str, Any]:
        return {note["key"]: note["value"] for note in self.record["annotations"]}


def documents() -> dict[str, dict[str, Any]]:
    """By activation id, the records of calls and of test actions."""
    entries = [
        entry["doc"]
        for name in ("activations", "activations_health")
        for entry in json.loads((FOLDER / "couchdb" / f"{name}.json").read_text())
    ]
    return {document["activationId"]: document for document in entries}


def about(ack: dict[str, Any]) -> str:
    response = ack.get("response")
    found: str = ack.get("activationId") or (response if isinstance(response, str) else response["activationId"])  # type: ignore[index]
    return found


def on_topic(name: str) -> list[Recorded]:
    """What was recorded there, messages injected by a script among it."""
    return [*recorded(name), *(message for message in recorded("injected") if message.topic == name)]


def cases() -> list[Case]:
    """Every recorded activation that left acknowledgements."""
    acks: dict[str, list[dict[str, Any]]] = {}
    for each in on_topic("completed"):
        acks.setdefault(about(each.value), []).append(each.value)
    bodies = {m.value["body"].get("activationId"): m.value["body"] for m in on_topic("events")}
    told = {about(ack): ack["response"] for each in acks.values() for ack in each if "response" in ack}
    kept = {**{key: record for key, record in told.items() if isinstance(record, dict)}, **documents()}
    return [
        Case(m.call, m.value, acks[key], kept.get(key) or not_kept(m.value, kept), bodies.get(key))
        for m in on_topic("invoker")
        if (key := m.value["activationId"]) in acks
    ]


def not_kept(message: dict[str, Any], kept: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """What the record must have been that was not stored, or that a script in an invoker's place had not.

    That is the one of another call of the action; only the times are its own, as the event tells them.
    """
    key, name = message["activationId"], message["action"]["name"]
    event = next((m.value for m in on_topic("events") if m.value["body"].get("activationId") == key), None)
    status = event["body"]["statusCode"] if event is not None else SUCCESS
    like = next(r for r in kept.values() if (r["name"], r["response"]["statusCode"]) == (name, status))
    record = {field: part for field, part in like.items() if field != "updated"} | {"activationId": key}
    if event is None:
        return record
    body, notes = event["body"], {note["key"]: note["value"] for note in like["annotations"]}
    begun = event["timestamp"]
    if "limits" in notes:
        notes |= {note: body[note] for note in ("waitTime", "initTime") if body[note]}
        begun = message["transid"][1] + body["waitTime"]
    return {
        **record,
        "start": begun,
        "end": begun + body["duration"],
        "duration": body["duration"],
        "response": {**record["response"], **({"size": body["size"]} if "size" in body else {})},
        "annotations": [{"key": note, "value": value} for note, value in notes.items()],
    }


RAN = [case for case in cases() if "limits" in case.notes]
REFUSED = [case for case in cases() if "limits" not in case.notes]
each_of = partial(pytest.mark.parametrize, "case", ids=lambda case: f"{case.call}-{case.message['activationId'][:6]}")


def action_of(case: Case) -> WhiskAction:
    """As far as the record shows it."""
    name = FullyQualifiedEntityName.from_json(case.message["action"])
    kind = case.notes["kind"]
    exec_ = BlackBoxExec("me/image:1", native=True) if kind == "blackbox" else CodeExec(kind, "code")
    version = SemVer.parse(case.record["version"])
    limits = ActionLimits.from_json(case.notes["limits"])
    return WhiskAction(name.path, name.name, exec_, limits=limits, version=version)


def outcome_of(case: Case) -> Outcome:
    """What the container answered. The text is as long as it was."""
    response = case.record["response"]
    result, status, size = response.get("result"), response["statusCode"], response.get("size")
    if case.notes["timeout"]:
        return RunTimeout(1.0)
    if size is None:
        return NO_SIZE[result["error"]]
    if status == APPLICATION_ERROR and TRUNCATED in str(result["error"]):
        limit = int(result["error"].partition(" > ")[2].partition(" ")[0])
        return ContainerReply(200, result["error"].partition(TRUNCATED)[2].encode(), size, limit)
    text = json.dumps(result, ensure_ascii=False, separators=(",", ":"))
    body = (text + " " * (size - len(text))).encode()
    return ContainerReply(502 if status == DEVELOPER_ERROR else 200, body, len(body), LIMIT)


def played(case: Case) -> Driver:
    """The proxy after this activation."""
    instance = InvokerInstanceId.from_json(
        next((ack["instance"] for ack in case.acks if "instance" in ack), {"instanceType": ""})
    )
    settings = evolve(SETTINGS, instance=instance, annotations=False, one_ack=False)
    driver = Driver(ContainerProxy(settings))
    action, message = action_of(case), ActivationMessage.from_json(case.message)
    init_time = case.notes.get("initTime")
    if init_time is None:
        before = evolve(action, limits=evolve(action.limits, logs=1))
        driver.ready(Run(before, evolve(message, activation_id="0" * 32)))
    driver.run(Run(action, message))
    start, end, outcome = case.record["start"], case.record["end"], outcome_of(case)
    if init_time is not None:
        driver.give(e.ContainerCreated, CONTAINER)
        driver.take(i.CreateContainer)
        begun = message.transid.start + case.notes["waitTime"]
        interval = Interval(begun, begun + init_time)
        failed = end - start == init_time and begun == start
        answer = outcome if failed else ContainerReply(200, b"", 0, LIMIT)
        driver.give(e.Initialized, driver.take(i.InitializeContainer).job, RunResult(interval, answer))
        start += init_time
        if failed:
            logs_of(case, driver)
            return driver
    job = driver.take(i.RunContainer).job
    driver.give(e.RunEnded, job, RunResult(Interval(start, end), outcome))
    if action.limits.logs:
        logs_of(case, driver)
    return driver


def logs_of(case: Case, driver: Driver) -> None:
    lines = case.record["logs"]
    own = lines[:-1] if case.record["response"]["statusCode"] == DEVELOPER_ERROR else lines
    driver.collected(*own)


def in_order(value: Any) -> Any:
    """Without the order of annotations and of the developer error's own time, which are nobody's business."""
    if not isinstance(value, dict):
        return value
    value = {**value, "annotations": sorted(value["annotations"], key=lambda note: str(note["key"]))}
    if value["response"]["statusCode"] == DEVELOPER_ERROR and value["logs"]:
        last = value["logs"][-1]
        value["logs"] = [*value["logs"][:-1], last.partition(" stderr: ")[2]]
    return value


def form(ack: dict[str, Any]) -> str:
    """All of it, the fields in their order."""
    return to_payload({**ack, "response": in_order(ack.get("response"))}).decode()


def test_every_acknowledgement_and_every_event_of_an_invoker_is_compared() -> None:
    assert (len(RAN), len(REFUSED)) == (RAN_COUNT, REFUSED_COUNT)
    compared = [*RAN, *REFUSED]
    assert sum(len(case.acks) for case in compared) == len(on_topic("completed"))
    told = [m for m in on_topic("events") if m.value["source"].startswith("invoker")]
    assert sum(case.event is not None for case in compared) == len(told)


def test_every_outcome_is_there() -> None:
    assert {case.record["response"]["statusCode"] for case in RAN} == {0, 1, 2}
    assert sum("initTime" in case.notes for case in RAN) > 40
    assert {case.notes["kind"] for case in RAN} >= {"python:3.11", "nodejs:20", "blackbox"}
    assert {case.message["blocking"] for case in RAN} == {True, False}
    assert any("binding" in case.notes for case in RAN)
    assert any("causedBy" in case.notes for case in RAN)
    assert any(case.notes["limits"]["logs"] == 0 for case in RAN)


@pytest.mark.scenario("WIRE-06")
@pytest.mark.scenario("WIRE-21")
@each_of(RAN)
def test_the_same_call_is_acknowledged_recorded_and_told_in_the_same_way(case: Case) -> None:
    driver = played(case)
    key = case.message["activationId"]
    mine = [ack for ack in driver.acks if ack.activation_id == key]
    shrunk = mine if case.message["blocking"] else [ack.shrink() for ack in mine]
    theirs = sorted(case.acks, key=lambda ack: "response" not in ack)  # they may have overtaken each other
    assert [form(ack.to_json()) for ack in shrunk] == [form(ack) for ack in theirs]
    [record] = [record for record in driver.stored if record.activation_id == key]
    compare_record(case, record)


def compare_record(case: Case, record: WhiskActivation) -> None:
    """With the document, and what is told of it with the event."""
    document = {field: value for field, value in case.record.items() if field != "_rev"}
    if "updated" in document:
        assert in_order(record.to_document(document["updated"])) == in_order(document)
    if case.event is not None:
        told = ActivationEvent.of(record)
        assert told is not None
        assert told.to_json() == case.event


#: what the intake hears of an action, by the beginning of what it says then
HEARD = {
    "Action could not be found": NoDocument("guest/none"),
    "Action version is not compatible": DeserializationError("it is a package"),
    "Action could not be fetched": WhiskAction("guest", "seq1", SequenceExec(("/guest/a",))),
    "requirement failed: memory": WhiskAction("guest", "helloNode", CodeExec("nodejs:20", "code")),
}


@each_of(REFUSED)
def test_the_same_call_is_refused_in_the_same_way(case: Case) -> None:
    intake, message = Intake(), ActivationMessage.from_json(case.message)
    [fetch] = intake.handle(Arrived(message, 0.0))
    assert isinstance(fetch, FetchAction)
    text = case.record["response"]["result"]["error"]
    heard = next(heard for beginning, heard in HEARD.items() if text.startswith(beginning))
    known = isinstance(heard, WhiskAction)
    answer: Any = ActionFetched if known else FetchFailed
    [refuse] = intake.handle(answer(fetch.fetch, heard, 0.0))
    assert isinstance(refuse, Refuse)
    assert refuse.store
    record = fallback_activation(refuse.msg, refuse.response, case.record["start"])
    sender = InvokerInstanceId.from_json(case.acks[0]["instance"])
    ack = CombinedCompletionAndResultMessage.of(message.transid, record, sender)
    mine = ack if case.message["blocking"] else ack.shrink()
    assert [form(mine.to_json())] == [form(each) for each in case.acks]
    compare_record(case, record)
