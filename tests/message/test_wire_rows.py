"""What is easily missed when messages and documents are written for components of OpenWhisk, row by row.

The rows are numbered WIRE-01 to WIRE-28; `test_wire_coverage.py` sees to it that each has a test.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from owactors.entity.action import WhiskAction
from owactors.entity.activation import ActivationResponse, WhiskActivation
from owactors.entity.errors import DeserializationError
from owactors.entity.ids import DocRevision
from owactors.entity.instance import ControllerInstanceId, InvokerInstanceId
from owactors.entity.limits import ActionLimits, UserLimits
from owactors.entity.manifest import ExecManifest
from owactors.entity.package import WhiskPackage
from owactors.entity.parameters import Parameters
from owactors.entity.rule import WhiskRule
from owactors.entity.size import ByteSize
from owactors.entity.trigger import WhiskTrigger
from owactors.message.ack import (
    CombinedCompletionAndResultMessage,
    CompletionMessage,
    ResultMessage,
    acknowledgement_from_json,
)
from owactors.message.activation import ActivationMessage
from owactors.message.event import EventMessage, MetricEvent, source_of
from owactors.message.health import PingMessage
from owactors.message.payload import to_payload
from owactors.observe import tokens
from tests.message.recordings import recorded

DATA = Path(__file__).parents[1] / "data"
PAGES = Path(__file__).parents[2] / "docs"


def sample(name: str) -> Any:
    return json.loads((DATA / "wire_samples" / f"{name}.json").read_text())


MANIFEST = ExecManifest.from_json(sample("runtimes_manifest"))
INVOKER = InvokerInstanceId(0, ByteSize.mb(2048))
READERS: dict[str, Callable[[Any], Any]] = {
    "action_doc": lambda value: WhiskAction.from_json(value, MANIFEST),
    "action_doc_plain": lambda value: WhiskAction.from_json(value, MANIFEST),
    "action_doc_blackbox": lambda value: WhiskAction.from_json(value, MANIFEST),
    "sequence_doc": lambda value: WhiskAction.from_json(value, MANIFEST),
    "package_doc": WhiskPackage.from_json,
    "binding_doc": WhiskPackage.from_json,
    "trigger_doc": WhiskTrigger.from_json,
    "rule_doc": WhiskRule.from_json,
}


@pytest.mark.scenario("WIRE-01")
def test_the_page_names_what_openwhisk_must_be_told_to_speak_this_protocol() -> None:
    page = (PAGES / "cluster.md").read_text()
    for key, provider in {
        "LoadBalancerProvider": "org.apache.openwhisk.core.loadBalancer.ShardingContainerPoolBalancer",
        "EntitlementSpiProvider": "org.apache.openwhisk.core.entitlement.LocalEntitlementProvider",
        "InvokerProvider": "org.apache.openwhisk.core.invoker.InvokerReactive",
        "InvokerServerProvider": "org.apache.openwhisk.core.invoker.DefaultInvokerServer",
    }.items():
        assert f"CONFIG_whisk_spi_{key}={provider}" in page


def bare_message() -> ActivationMessage:
    message = ActivationMessage.from_json(sample("activation_message"))
    user = evolve(message.user, authkey={}, rights=frozenset(), limits=UserLimits())
    return evolve(
        message,
        action=evolve(message.action, version=None, binding=None),
        revision=DocRevision(),
        user=user,
        content=None,
        init_args=(),
        locked_args={},
    )


@pytest.mark.scenario("WIRE-02")
def test_what_must_be_there_is_written_when_it_is_empty_and_what_may_be_absent_is_left_out() -> None:
    form = json.loads(to_payload(bare_message().to_json()))
    assert {name: form[name] for name in ("revision", "initArgs", "lockedArgs")} == {
        "revision": None,
        "initArgs": [],
        "lockedArgs": {},
    }
    assert {name: form["user"][name] for name in ("authkey", "rights", "limits")} == {
        "authkey": {},
        "rights": [],
        "limits": {},
    }
    assert not {"content", "cause", "traceContext"} & form.keys()
    assert form["action"].keys() == {"path", "name"}
    assert INVOKER.to_json() == {
        "instance": 0,
        "userMemory": "2147483648 B",
        "instanceType": "invoker",
        "tags": [],
        "dedicatedNamespaces": [],
    }
    assert ControllerInstanceId("0").to_json() == {"asString": "0", "instanceType": "controller"}


@pytest.mark.scenario("WIRE-02")
@pytest.mark.parametrize("name", READERS)
def test_documents_have_no_nulls_and_all_their_fields(name: str) -> None:
    written = READERS[name](sample(name)).to_document()
    assert None not in written.values()
    assert {"_id", "_rev", "entityType", "namespace", "name", "version", "publish", "annotations", "updated"} <= set(
        written
    )


@pytest.mark.scenario("WIRE-03")
def test_who_am_i_has_three_names() -> None:
    message, record = bare_message(), WhiskActivation.from_json(sample("activation_doc"))
    acks = [
        CompletionMessage(message.transid, message.activation_id, False, INVOKER),
        CombinedCompletionAndResultMessage.of(message.transid, record, INVOKER),
    ]
    assert [ack.to_json()["instance"] for ack in acks] == [INVOKER.to_json()] * 2
    assert PingMessage(INVOKER).to_json()["name"] == INVOKER.to_json()
    event = EventMessage.of(evolve(INVOKER, unique_name="u"), MetricEvent("n", 1), message.user, 1)
    assert (event.to_json()["source"], source_of(ControllerInstanceId("7"))) == ("invoker0", "controller7")


@pytest.mark.scenario("WIRE-04")
@pytest.mark.parametrize("field", ["instance", "instanceType", "tags", "dedicatedNamespaces", "userMemory"])
@pytest.mark.parametrize("name", ["completion", "combined_completion"])
def test_an_instance_that_lacks_something_makes_the_acknowledgement_unreadable(name: str, field: str) -> None:
    value = sample(name)
    del value["instance"][field]
    with pytest.raises(DeserializationError, match=field):
        acknowledgement_from_json(value)


@pytest.mark.scenario("WIRE-04")
def test_without_an_instance_it_is_a_result() -> None:
    value = sample("combined_completion")
    del value["instance"]
    assert isinstance(acknowledgement_from_json(value), ResultMessage)
    value["invoker"] = INVOKER.to_json()
    assert isinstance(acknowledgement_from_json(value), ResultMessage)


@pytest.mark.scenario("WIRE-09")
def test_sizes_of_pings_are_bytes_and_those_of_limits_are_megabytes() -> None:
    ping = PingMessage(InvokerInstanceId(3, ByteSize.mb(1024), busy_memory=ByteSize.mb(1))).to_json()
    assert (ping["name"]["userMemory"], ping["name"]["busyMemory"]) == ("1073741824 B", "1048576 B")
    assert ActionLimits(60_000, 256, 10).to_json() == {"timeout": 60_000, "memory": 256, "logs": 10, "concurrency": 1}
    limits = UserLimits.from_json({"maxActionMemory": 512, "maxActionLogs": 5, "maxPayloadSize": "2 MB"})
    assert limits.to_json() == {"maxActionMemory": 512, "maxActionLogs": 5, "maxPayloadSize": "2 MB"}


@pytest.mark.scenario("WIRE-09")
@given(count=st.integers(0, 2**50), unit=st.sampled_from(["B", "KB", "MB", "GB", "K", "m", "g", "mb"]))
def test_a_size_is_read_in_any_unit_and_written_so_that_openwhisk_reads_the_same(count: int, unit: str) -> None:
    size = ByteSize.parse(f"{count} {unit}")
    assert ByteSize.parse(size.to_json()) == ByteSize.parse(size.as_read) == ByteSize.parse(str(size)) == size
    assert size.to_json().endswith(" B")


@pytest.mark.scenario("WIRE-15")
@pytest.mark.parametrize("name", READERS)
def test_a_document_without_the_time_of_its_change_cannot_be_read(name: str) -> None:
    value = sample(name)
    del value["updated"]
    with pytest.raises(DeserializationError, match="updated"):
        READERS[name](value)


@pytest.mark.scenario("WIRE-15")
def test_a_package_must_say_whether_it_is_a_binding() -> None:
    value = sample("package_doc")
    assert WhiskPackage.from_json(value).to_document()["binding"] == {}
    del value["binding"]
    with pytest.raises(DeserializationError, match="binding"):
        WhiskPackage.from_json(value)


@pytest.mark.scenario("WIRE-15")
def test_the_status_of_a_rule_is_in_the_document_of_its_trigger() -> None:
    assert "status" not in WhiskRule.from_json({**sample("rule_doc"), "status": "active"}).to_document()
    rules = WhiskTrigger.from_json(sample("trigger_doc")).to_document()["rules"]
    assert {rule["status"] for rule in rules.values()} <= {"active", "inactive"}
    assert rules


@pytest.mark.scenario("WIRE-15")
def test_an_action_of_a_kind_that_nobody_knows_cannot_be_read() -> None:
    value = sample("action_doc")
    value["exec"]["kind"] = "cobol:1959"
    with pytest.raises(DeserializationError, match="cobol:1959"):
        WhiskAction.from_json(value, MANIFEST)


@pytest.mark.scenario("WIRE-22")
@pytest.mark.parametrize("status", [0, 1, 2, 3])
def test_what_the_api_adds_to_a_response_is_never_in_a_record(status: int) -> None:
    response = ActivationResponse(status, {"error": "e"} if status else {}, 5)
    record = evolve(WhiskActivation.from_json(sample("activation_doc")), response=response)
    assert {"status", "success"} <= response.to_api().keys()
    message = bare_message()
    for written in (
        record.to_json(),
        record.to_document(1),
        ResultMessage(message.transid, record).to_json()["response"],
        CombinedCompletionAndResultMessage.of(message.transid, record, INVOKER).to_json()["response"],
    ):
        assert written["response"].keys() == {"statusCode", "result", "size"}
        assert not {"status", "success"} & written.keys()


@pytest.mark.scenario("WIRE-22")
def test_no_recorded_record_has_it_either() -> None:
    responses = [message.value["response"] for message in recorded("completed") if "response" in message.value]
    records = [response for response in responses if isinstance(response, dict)]
    assert len(records) > 80
    for record in records:
        assert record["response"].keys() <= {"statusCode", "result", "size"}


#: functions that make tokens, with arguments as the code gives them
MADE = {
    "container_start": ("warmed", "guest", "guest", "guest/hello"),
    "docker_command": ("run",),
    "container_command": ("sandbox", "run"),
    "container_phase": ("init", "python:3"),
    "container_health_failed": ("warm",),
    "prewarm_cold_start": ("256", "python:3"),
    "prewarm_expired": ("256", "python:3"),
    "invoker_state": ("unhealthy",),
    "completion_ack": ("0", "regularAfterForced"),
    "in_flight": ("0", "memoryBlackbox"),
    "total_capacity": ("Managed",),
    "total_invokers": ("Healthy", "BlackBox"),
    "system_overload": ("managed",),
    "http_first": ("sent",),
    "topic_lag": ("invoker0",),
    "unreadable_message": ("invoker0",),
    "http_access": ("GET", 200),
}


@pytest.mark.scenario("WIRE-24")
def test_the_action_of_a_marker_has_no_underscore() -> None:
    fixed = {name: value for name, value in vars(tokens).items() if isinstance(value, tokens.Token)}
    made = {name: getattr(tokens, name)(*arguments) for name, arguments in MADE.items()}
    makers = {name for name, value in vars(tokens).items() if hasattr(value, "cache_info")}
    assert makers <= made.keys(), makers - made.keys()
    assert len(fixed) > 20
    for name, token in (fixed | made).items():
        parts = [token.component, token.action, token.sub_action]
        assert not any("_" in part for part in parts), name
        assert token.state in {"start", "finish", "error", "counter"}, name
        assert token.text.count("_") == 2, name


@pytest.mark.scenario("WIRE-28")
@pytest.mark.parametrize(
    "element",
    [
        {"key": "a", "value": 1, "encryption": None},
        {"key": "a"},
        {"key": "a", "init": True},
        {"value": 1},
        {"key": "a", "value": 1, "init": None},
        {"key": "a", "value": 1, "encryption": 5},
        {"key": 1, "value": 1},
    ],
)
@pytest.mark.parametrize("name", READERS)
def test_one_malformed_parameter_makes_its_document_unreadable(name: str, element: dict[str, Any]) -> None:
    value = sample(name)
    value["annotations"] = [{"key": "good", "value": 1}, element]
    with pytest.raises(DeserializationError, match="malformed"):
        READERS[name](value)


@pytest.mark.scenario("WIRE-28")
@pytest.mark.parametrize(
    "element",
    [
        {"key": "a", "value": None},
        {"key": "a", "value": 1, "init": False},
        {"key": "a", "value": 1, "init": True, "encryption": None},
        {"key": "a", "value": "x", "encryption": "aes-128"},
        {"key": "a", "value": "x", "init": False, "encryption": "other", "more": 1},
    ],
)
def test_every_other_form_of_a_parameter_is_read_and_written_without_nulls(element: dict[str, Any]) -> None:
    [written] = Parameters.from_json([element]).to_json()
    assert (written["key"], written["value"]) == (element["key"], element["value"])
    assert written.get("init", False) is bool(element.get("init"))
    assert written.get("encryption") == element.get("encryption")
    assert "encryption" not in written or written["encryption"] is not None
    assert Parameters.from_json([written]) == Parameters.from_json([element])
