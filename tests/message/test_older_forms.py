"""What older components wrote, and what OpenWhisk's readers take beside what its writers write."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from owactors.entity.action import WhiskAction
from owactors.entity.activation import WhiskActivation
from owactors.entity.errors import DeserializationError
from owactors.entity.identity import Identity
from owactors.entity.manifest import ExecManifest
from owactors.entity.package import WhiskPackage
from owactors.entity.rule import WhiskRule
from owactors.entity.subject import SubjectDocument
from owactors.entity.trigger import WhiskTrigger
from owactors.message.ack import acknowledgement_from_json
from owactors.message.activation import ActivationMessage
from owactors.message.event import EventMessage
from owactors.message.health import PingMessage
from tests.message.test_wire_rows import sample
from tests.message.wirevalues import changed

MANIFEST = ExecManifest.from_json(sample("runtimes_manifest"))
Reader = Callable[[Any], Any]
NOON, NOON_TEXT = 1_785_326_400_371, "2026-07-29T12:00:00.371Z"
READERS: dict[str, Reader] = {
    "activation_message": lambda value: ActivationMessage.from_json(value).to_json(),
    "activation_message_full": lambda value: ActivationMessage.from_json(value).to_json(),
    "completion": lambda value: acknowledgement_from_json(value).to_json(),
    "ping": lambda value: PingMessage.from_json(value).to_json(),
    "event_activation": lambda value: EventMessage.from_json(value).to_json(),
    "action_doc_plain": lambda value: WhiskAction.from_json(value, MANIFEST).to_document(),
    "action_doc_attached": lambda value: WhiskAction.from_json(value, MANIFEST).to_document(),
    "sequence_doc": lambda value: WhiskAction.from_json(value, MANIFEST).to_document(),
    "package_doc": lambda value: WhiskPackage.from_json(value).to_document(),
    "rule_doc": lambda value: WhiskRule.from_json(value).to_document(),
    "trigger_doc": lambda value: WhiskTrigger.from_json(value).to_document(),
    "activation_doc": lambda value: WhiskActivation.from_json(value).to_document(NOON),
    "subject_doc": lambda value: SubjectDocument.from_json(value).to_document(),
}
#: sample, where in it, the older form, and what it is read as
FORMS: list[tuple[str, str, Any, Any]] = [
    ("activation_message", "action", "/aria/tools/greet", {"path": "aria/tools", "name": "greet"}),
    ("activation_message", "action", "aria/greet", {"path": "aria", "name": "greet"}),
    ("activation_message", "action.path", "/aria/tools", "aria/tools"),
    ("activation_message", "action.version", "2", "2.0.0"),
    ("activation_message", "action.version", "1.4", "1.4.0"),
    ("activation_message", "transid", ["a", 1, False], ["a", 1]),
    ("activation_message", "transid", ["a", 1.0], ["a", 1]),
    ("activation_message", "transid", {"id": "a"}, ["sid_unknown", 0]),
    ("activation_message", "transid", ["a", 1, ["b", 2, True]], ["a", 1, ["b", 2, True]]),
    ("activation_message", "activationId", int("1" * 32), "1" * 32),
    ("activation_message", "user.rights", ["read", "Activate"], ["READ", "ACTIVATE"]),
    ("activation_message", "user.limits", {"maxPayloadSize": "2 m"}, {"maxPayloadSize": "2 MB"}),
    ("activation_message", "initArgs", ["b", "a", "b"], ["b", "a"]),
    ("activation_message", "rootControllerIndex", {"asString": "0"}, {"asString": "0", "instanceType": "controller"}),
    ("completion", "instance.userMemory", "1 GB", "1073741824 B"),
    ("completion", "instance", {"asString": "0", "instanceType": "controller"}, ...),
    ("ping", "isEnabled", None, True),
    ("event_activation", "body.duration", -3, 0),
    ("event_activation", "body.memory", 256.0, 256),
    ("action_doc_attached", "exec.code.attachmentName", "codefile", ...),
    ("action_doc_plain", "updated", NOON_TEXT, NOON),
    ("action_doc_plain", "updated", "2026-07-29T14:00:00.371+02:00", NOON),
    ("action_doc_plain", "namespace", "/aria/tools", "aria/tools"),
    ("rule_doc", "trigger", "mira/scan", {"path": "mira", "name": "scan"}),
    ("rule_doc", "action", "/mira/tools/scan", {"path": "mira/tools", "name": "scan"}),
    ("package_doc", "version", "1", "1.0.0"),
    ("activation_doc", "start", NOON_TEXT, NOON),
    ("activation_doc", "end", "1970-01-01T00:00:00Z", 0),
    ("activation_doc", "response.result", [1, "two", {"three": 3}], ...),
    ("subject_doc", "blocked", False, ...),
]


def at(value: Any, place: str) -> Any:
    for part in place.split("."):
        value = value[part]
    return value


def put(value: Any, place: str, part: Any) -> Any:
    """The value with this part in that place."""
    *outer, name = place.split(".")
    return changed(value, tuple(outer), lambda whole: {**whole, name: part})


@pytest.mark.parametrize(("name", "place", "older", "means"), FORMS, ids=lambda each: str(each)[:40])
def test_an_older_form_is_read_as_what_it_means(name: str, place: str, older: Any, means: Any) -> None:
    """And written in today's; nothing else changes."""
    value = put(sample(name), place, older)
    written = READERS[name](value)
    expected = READERS[name](sample(name))
    if name == "action_doc_plain" and place == "namespace":
        expected["_id"] = f"{means}/{expected['name']}"
    assert written == put(expected, place, older if means is ... else means)
    assert READERS[name](written) == written


def test_what_an_older_document_lacks_is_not_missed() -> None:
    trigger, record = sample("trigger_doc"), sample("activation_doc")
    del trigger["rules"]
    for field in ("entityType", "updated", "_rev", "duration"):
        del record[field]
    assert "rules" not in READERS["trigger_doc"](trigger)
    assert "duration" not in READERS["activation_doc"](record)
    action = sample("action_doc_plain")
    del action["limits"]["concurrency"]
    assert READERS["action_doc_plain"](action)["limits"]["concurrency"] == 1
    package = {**sample("package_doc"), "binding": {}}
    assert READERS["package_doc"](package)["binding"] == {}


def test_code_under_its_old_name_is_read() -> None:
    document = sample("action_doc_plain")
    code = document["exec"].pop("code")
    assert READERS["action_doc_plain"](put(document, "exec.jar", code)) == READERS["action_doc_plain"](
        sample("action_doc_plain")
    )


@pytest.mark.parametrize("authkey", [{}, {"api_key": "u:s"}, {"api_key": "u:s", "token": {"exp": 2**70}, "ü": None}])
def test_whatever_a_user_is_known_by_is_kept(authkey: Any) -> None:
    user = {**sample("activation_message")["user"], "authkey": authkey}
    assert Identity.from_json(user).to_json() == user


@pytest.mark.parametrize("when", ["yesterday", "2026-07-29T12:00:00", "", True, None])
def test_what_is_no_instant_is_refused(when: object) -> None:
    with pytest.raises(DeserializationError, match="updated"):
        READERS["rule_doc"]({**sample("rule_doc"), "updated": when})
