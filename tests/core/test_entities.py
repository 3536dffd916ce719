"""Every document and message that belongs to v1 is read and written back without loss."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from owactors.entity.action import WhiskAction
from owactors.entity.activation import ActivationResponse, WhiskActivation
from owactors.entity.errors import DeserializationError
from owactors.entity.exec import CodeExec, exec_from_json, is_binary_code
from owactors.entity.ids import ActivationId, BasicAuthKey, DocRevision, new_activation_id
from owactors.entity.instance import ControllerInstanceId, InvokerInstanceId
from owactors.entity.limits import ActionLimits, UserLimits, partial_limits
from owactors.entity.manifest import ExecManifest, ImageName, duration_seconds
from owactors.entity.names import EntityPath, FullyQualifiedEntityName, entity_name, is_entity_name
from owactors.entity.package import WhiskPackage
from owactors.entity.parameters import Parameters
from owactors.entity.rule import WhiskRule
from owactors.entity.semver import SemVer
from owactors.entity.size import ByteSize
from owactors.entity.subject import SubjectDocument
from owactors.entity.transaction import UNKNOWN, TransactionId
from owactors.entity.trigger import WhiskTrigger
from owactors.message.ack import acknowledgement_from_json
from owactors.message.activation import ActivationMessage
from owactors.message.health import PingMessage

SAMPLES = Path(__file__).parent.parent / "data" / "wire_samples"


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.json").read_text())


MANIFEST = ExecManifest.from_json(sample("runtimes_manifest"))


@pytest.mark.parametrize(
    "name", ["activation_message", "activation_message_full", "activation_message_health"], ids=lambda name: name
)
def test_activation_messages_survive(name: str) -> None:
    source = sample(name)
    written = ActivationMessage.from_json(source).to_json()
    assert {**written, "initArgs": sorted(source["initArgs"])} == {**source, "initArgs": sorted(source["initArgs"])}


@pytest.mark.parametrize(
    "name", ["combined_completion", "combined_completion_shrunk", "completion", "result", "result_shrunk"]
)
def test_acknowledgements_survive(name: str) -> None:
    assert acknowledgement_from_json(sample(name)).to_json() == sample(name)


@pytest.mark.parametrize("name", ["combined_completion", "result"])
def test_shrinking_leaves_the_id(name: str) -> None:
    ack = acknowledgement_from_json(sample(name))
    assert ack.shrink().to_json()["response"] == sample(name)["response"]["activationId"]


def test_pings_survive() -> None:
    assert PingMessage.from_json(sample("ping")).to_json() == sample("ping")


@pytest.mark.parametrize(
    "name", ["action_doc", "action_doc_attached", "action_doc_plain", "action_doc_blackbox", "sequence_doc"]
)
def test_action_documents_survive(name: str) -> None:
    source = sample(name)
    written = WhiskAction.from_json(source, MANIFEST).to_document()
    source.pop("_attachments", None)
    assert written == source


@pytest.mark.parametrize("name", ["package_doc", "binding_doc"])
def test_package_documents_survive(name: str) -> None:
    assert WhiskPackage.from_json(sample(name)).to_document() == sample(name)


def test_trigger_and_rule_documents_survive() -> None:
    assert WhiskTrigger.from_json(sample("trigger_doc")).to_document() == sample("trigger_doc")
    assert WhiskRule.from_json(sample("rule_doc")).to_document() == sample("rule_doc")


@pytest.mark.parametrize("name", ["activation_doc", "activation_doc_sequence", "activation_doc_trigger"])
def test_activation_documents_survive(name: str) -> None:
    source = sample(name)
    written = WhiskActivation.from_json(source).to_document(source["updated"])
    assert {**written, "_rev": source["_rev"]} == source


@pytest.mark.parametrize("name", ["subject_doc", "subject_doc_blocked"])
def test_subject_documents_survive(name: str) -> None:
    source = sample(name)
    assert {**SubjectDocument.from_json(source).to_document(), "_rev": source["_rev"]} == source


def test_limits_documents_survive() -> None:
    source = sample("limits_doc")
    written = UserLimits.from_json(source).to_json()
    assert {**written, "_id": source["_id"], "_rev": source["_rev"]} == source


REQUIRED = ["transid", "action", "revision", "user", "activationId", "rootControllerIndex", "blocking", "initArgs"]


@pytest.mark.parametrize("field", [*REQUIRED, "lockedArgs"])
def test_a_missing_field_is_named(field: str) -> None:
    source = sample("activation_message")
    del source[field]
    with pytest.raises(DeserializationError) as caught:
        ActivationMessage.from_json(source)
    assert caught.value.field == field


def test_a_wrong_field_deep_inside_is_named() -> None:
    source = sample("activation_message")
    source["user"]["namespace"]["uuid"] = 5
    with pytest.raises(DeserializationError, match=r"user\.namespace\.uuid: expected a string, got number"):
        ActivationMessage.from_json(source)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
READERS: list[Any] = [
    ActivationMessage.from_json,
    acknowledgement_from_json,
    PingMessage.from_json,
    lambda value: WhiskAction.from_json(value, MANIFEST),
    WhiskPackage.from_json,
    WhiskTrigger.from_json,
    WhiskRule.from_json,
    WhiskActivation.from_json,
    SubjectDocument.from_json,
    UserLimits.from_json,
    ExecManifest.from_json,
    Parameters.from_json,
    FullyQualifiedEntityName.from_json,
]


@pytest.mark.parametrize("reader", READERS)
@given(value=JSON)
def test_garbage_is_a_typed_error_or_a_value(reader: Any, value: Any) -> None:
    try:
        reader(value)
    except DeserializationError as error:
        assert error.reason


@given(name=st.sampled_from(sorted(sample("activation_message"))), value=JSON)
def test_a_message_with_one_field_spoilt_is_a_typed_error_or_a_value(name: str, value: Any) -> None:
    source = {**sample("activation_message"), name: value}
    try:
        ActivationMessage.from_json(source)
    except DeserializationError as error:
        assert error.field.startswith(name)


@pytest.mark.parametrize(
    ("text", "size"), [("256 MB", 256 * 1024**2), ("1g", 1024**3), ("10 B", 10), (" 3 kb ", 3072), ("7M", 7 * 1024**2)]
)
def test_sizes(text: str, size: int) -> None:
    assert ByteSize.parse(text).bytes == size


@pytest.mark.parametrize("text", ["", "12", "-1 MB", "1.5 GB", "MB", "1 TB"])
def test_sizes_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match="not a size"):
        ByteSize.parse(text)


def test_sizes_reckon() -> None:
    assert str(ByteSize.mb(256) + ByteSize.mb(256)) == "512 MB"
    assert (ByteSize.mb(1) - ByteSize.kb(1)).to_mb == 0
    with pytest.raises(ValueError, match="negative"):
        ByteSize(1) - ByteSize(2)


@pytest.mark.parametrize("name", ["a", "a b", "A_1@x.y-z&", "x" * 256, "_"])
def test_names(name: str) -> None:
    assert entity_name(name) == name


@pytest.mark.parametrize("name", ["", " a", "a ", "-a", "a/b", "ä", "a\n", "x" * 257, "é"])
def test_names_that_are_none(name: str) -> None:
    assert not is_entity_name(name)


def test_paths() -> None:
    path = EntityPath("/_/tools/")
    assert (path.root, path.package, path.resolve("ada").text) == ("_", "tools", "ada/tools")
    with pytest.raises(ValueError, match="path undefined"):
        EntityPath("//")


def test_qualified_names() -> None:
    name = FullyQualifiedEntityName.parse("/_/tools/greet").resolve("ada")
    assert (name.doc_id, name.namespace, name.package) == ("ada/tools/greet", "ada", "tools")
    assert str(FullyQualifiedEntityName("ada", "greet", SemVer(0, 0, 4))) == "ada/greet@0.0.4"
    with pytest.raises(ValueError, match="fully qualified"):
        FullyQualifiedEntityName.parse("/greet")


def test_versions() -> None:
    assert str(SemVer.parse("2").up_patch()) == "2.0.1"
    for text in ("0.0.0", "a", "1.2.3.4", ""):
        with pytest.raises(ValueError, match="bad semantic version"):
            SemVer.parse(text)


def test_transaction_ids() -> None:
    outer = TransactionId("kQ7", 5, True)
    inner = TransactionId("wE4", 6, True, outer)
    assert TransactionId.from_json(inner.to_json()) == inner
    assert inner.root == outer
    assert TransactionId.from_json("nonsense") == UNKNOWN
    assert len(TransactionId.fresh(1).id) == 32


def test_activation_ids_are_valid_and_differ() -> None:
    made = {new_activation_id() for _ in range(100)}
    assert len(made) == 100
    assert all(ActivationId(text).text == text for text in made)


def test_keys() -> None:
    assert str(BasicAuthKey.parse("u:" + "k" * 64)) == "u:" + "k" * 64
    with pytest.raises(ValueError, match="64 characters"):
        BasicAuthKey.parse("u:short")


def test_revisions() -> None:
    assert DocRevision("12-abc").number == 12
    assert DocRevision().to_json() is None


def test_instances_read_back() -> None:
    invoker = InvokerInstanceId(3, ByteSize.mb(1024), "u", "d", ByteSize.mb(1), ("gpu",), ("ada",))
    assert InvokerInstanceId.from_json(invoker.to_json()) == invoker
    assert str(invoker) == "invoker3/u/d"
    assert ControllerInstanceId.from_json({"asString": "a.b"}) == ControllerInstanceId("a.b")
    with pytest.raises(ValueError, match="controller id"):
        ControllerInstanceId("a b")


@pytest.mark.parametrize(
    ("value", "truth"), [(True, True), (False, False), (0, False), (1, True), ("", False), ("no", True), (None, False)]
)
def test_truth_of_annotations(value: Any, truth: bool) -> None:
    assert Parameters.of({"conductor": value}).is_truthy("conductor") is truth


def test_parameters_merge_and_keep_their_marks() -> None:
    base = Parameters.from_json([{"key": "a", "value": 1, "init": True}, {"key": "b", "value": 2}])
    merged = base.merged(Parameters.of(b=3, c=4))
    assert merged.values == {"a": 1, "b": 3, "c": 4}
    assert merged.init_keys == ("a",)


def test_limits_given_in_part() -> None:
    assert partial_limits({"memory": 512}) == {"memory": 512}
    assert ActionLimits().merged({"memory": 512}).memory == 512
    with pytest.raises(DeserializationError, match="time limit must be whole number"):
        partial_limits({"timeout": 1.5})
    with pytest.raises(DeserializationError, match="log limit malformed"):
        partial_limits({"logs": "1"})


def test_the_manifest_knows_defaults_and_black_boxes() -> None:
    assert MANIFEST.resolve_default("nodejs:default") == "nodejs:20"
    assert MANIFEST.resolve_default("java:default") == "java:8"
    runtime = MANIFEST.get("python:3.11")
    assert runtime is not None
    assert [cell.initial_count for cell in runtime.stem_cells] == [1, 1]
    assert MANIFEST.skips_pull(ImageName.parse("openwhisk/dockerskeleton:1.0"))


def test_two_defaults_in_a_family_are_refused() -> None:
    image = {"name": "x"}
    family = [{"kind": "a:1", "default": True, "image": image}, {"kind": "a:2", "default": True, "image": image}]
    with pytest.raises(DeserializationError, match="exactly one kind"):
        ExecManifest.from_json({"runtimes": {"a": family}})


def test_durations() -> None:
    assert duration_seconds("2 minutes") == 120
    assert duration_seconds("500 milliseconds") == 0.5
    with pytest.raises(ValueError, match="not a duration"):
        duration_seconds("soon")


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ({}, "'kind' must be a string"),
        ({"kind": "python:3.11"}, "'code' must be a string or attachment object"),
        ({"kind": "java:8", "code": "x"}, "'main' must be a string"),
        ({"kind": "cobol:1", "code": "x"}, "The specified runtime 'cobol:1' is not supported"),
        ({"kind": "sequence"}, "'components' must be defined"),
        ({"kind": "sequence", "components": "a"}, "'components' must be an array"),
        ({"kind": "blackbox"}, "'image' must be a string"),
    ],
)
def test_execs_that_are_none(form: Any, text: str) -> None:
    with pytest.raises(DeserializationError, match=text.replace("[", r"\[")):
        exec_from_json(form, MANIFEST)


def test_binary_is_computed() -> None:
    assert is_binary_code("abcd")
    assert not is_binary_code("def main(): pass")
    read = exec_from_json({"kind": " PYTHON:default ", "code": "UEsD", "binary": False}, MANIFEST)
    assert read == CodeExec("python:3.11", "UEsD", None, True)


def test_responses_have_two_faces() -> None:
    response = ActivationResponse.application_error("boom")
    assert response.to_json() == {"statusCode": 1, "result": {"error": "boom"}}
    assert response.to_api()["status"] == "application error"
    assert response.to_api()["success"] is False
