"""Any message and any document: read, written back, with more, with less, with something wrong in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from attrs import frozen
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from owactors.core.invoker.reading import Unreadable, read_message
from owactors.entity.action import WhiskAction
from owactors.entity.activation import WhiskActivation
from owactors.entity.errors import DeserializationError
from owactors.entity.limits import UserLimits
from owactors.entity.manifest import ExecManifest
from owactors.entity.package import WhiskPackage
from owactors.entity.rule import WhiskRule
from owactors.entity.subject import SubjectDocument
from owactors.entity.trigger import WhiskTrigger
from owactors.message.ack import acknowledgement_from_json
from owactors.message.activation import ActivationMessage
from owactors.message.cache import CacheInvalidationMessage
from owactors.message.event import EventMessage
from owactors.message.health import PingMessage
from owactors.message.payload import from_payload, to_payload
from owactors.message.unreadable import bare_acknowledgement, reply_address
from tests.message import wirevalues as wire
from tests.message.test_wire_rows import sample

MANIFEST = ExecManifest.from_json(sample("runtimes_manifest"))


@frozen(repr=False)
class Kind:
    """One kind of message or document: any value of it, its reader, its writer."""

    name: str
    values: wire.Values
    read: Callable[[Any], Any]
    write: Callable[[Any], Any] = lambda read: read.to_json()

    def __repr__(self) -> str:
        return self.name

    def back(self, value: Any) -> Any:
        return self.write(self.read(value))


DOCUMENT: Callable[[Any], Any] = lambda read: read.to_document()  # noqa: E731
#: what is below these is kept as it is
USERS_OWN = frozenset({"content", "value", "result", "authkey", "lockedArgs", "traceContext", "rules", "code"})
KINDS = [
    Kind("activation message", wire.ACTIVATION_MESSAGES, ActivationMessage.from_json),
    Kind("acknowledgement", wire.ACKNOWLEDGEMENTS, acknowledgement_from_json),
    Kind("ping", wire.PINGS, PingMessage.from_json),
    Kind("event", wire.EVENTS, EventMessage.from_json),
    Kind("invalidation", wire.INVALIDATIONS, CacheInvalidationMessage.from_json),
    Kind("action", wire.ACTIONS, lambda value: WhiskAction.from_json(value, MANIFEST), DOCUMENT),
    Kind("package", wire.PACKAGES, WhiskPackage.from_json, DOCUMENT),
    Kind("trigger", wire.TRIGGERS, WhiskTrigger.from_json, DOCUMENT),
    Kind("rule", wire.RULES, WhiskRule.from_json, DOCUMENT),
    Kind("record", wire.RECORDS, WhiskActivation.from_json),
    Kind("subject", wire.SUBJECTS, SubjectDocument.from_json, DOCUMENT),
    Kind("limits", wire.LIMITS, UserLimits.from_json),
]
each_kind = pytest.mark.parametrize("kind", KINDS, ids=str)
_PATIENT = [HealthCheck.too_slow, HealthCheck.data_too_large]
slow = settings(suppress_health_check=_PATIENT, deadline=None, max_examples=20)
often = settings(slow, max_examples=100)
#: what may be missing, or null, and is absent then
OPTIONAL = {
    *("version", "binding", "content", "cause", "traceContext", "uniqueName", "displayedName", "busyMemory"),
    *("isSystemError", "duration", "result", "size", "causedBy", "userDefinedStatusCode", "secondaryId", "main"),
    *("instances", "rules", "blocked", "_rev", "length", "digest", "concurrency", "isEnabled"),
}


def text_of(value: Any) -> str:
    """Equal only for equal values and types of values; the order of rights says nothing."""
    return json.dumps(_with_sorted_rights(value), sort_keys=True)


def _with_sorted_rights(value: Any) -> Any:
    if isinstance(value, dict) and isinstance(value.get("user"), dict):
        user = value["user"]
        return {**value, "user": {**user, "rights": sorted(user["rights"])}}
    return value


def own(path: tuple[Any, ...]) -> bool:
    """Whether that part is a user's business."""
    return not USERS_OWN.isdisjoint(path[:-1])


@each_kind
@slow
@given(data=st.data())
def test_what_is_read_is_written_back(kind: Kind, data: st.DataObject) -> None:
    value = data.draw(kind.values)
    expected = value
    if kind.name == "action" and isinstance(value["exec"].get("code"), str):
        expected = wire.changed(value, ("exec", "binary"), lambda _: kind.back(value)["exec"]["binary"])
    assert text_of(kind.back(value)) == text_of(expected)
    assert kind.back(kind.back(value)) == kind.back(value)


@each_kind
@slow
@given(data=st.data())
def test_it_survives_the_topic_in_the_order_of_its_fields(kind: Kind, data: st.DataObject) -> None:
    written = kind.back(data.draw(kind.values))
    payload = to_payload(written)
    assert text_of(from_payload(payload)) == text_of(written)
    assert list(json.loads(payload)) == sorted(written)
    assert kind.back(from_payload(payload)) == written


@each_kind
@slow
@given(data=st.data())
def test_unknown_fields_are_ignored(kind: Kind, data: st.DataObject) -> None:
    value = data.draw(kind.values)
    places = [path for path in wire.paths_of(value) if isinstance(_at(value, path), dict) and not _users(path)]
    path = data.draw(st.sampled_from(places))
    more = data.draw(st.dictionaries(wire.TEXTS.map("unknown {}".format), wire.ANY, min_size=1, max_size=2))
    assert text_of(kind.back(wire.changed(value, path, lambda part: {**part, **more}))) == text_of(kind.back(value))


def _users(path: tuple[Any, ...]) -> bool:
    whole = path and path[-1] == "code"  # an attachment's description is kept as it is
    empty = path and path[-1] == "binding"  # of a package: {} is none
    return bool(whole or empty) or not USERS_OWN.isdisjoint(path)


def _at(value: Any, path: tuple[Any, ...]) -> Any:
    for part in path:
        value = value[part]
    return value


@each_kind
@slow
@given(data=st.data())
def test_null_is_absent_where_that_may_be_and_an_error_elsewhere(kind: Kind, data: st.DataObject) -> None:
    value = data.draw(kind.values)
    places = [
        path
        for path in wire.paths_of(value)
        if path and isinstance(path[-1], str) and not own(path) and isinstance(_at(value, path[:-1]), dict)
    ]
    path = data.draw(st.sampled_from(places)) if places else None
    if path is None or path[-1] in (
        "transid",
        "revision",
        "value",
        "_id",
        "entityType",
        "jar",
        "init",
        "encryption",
        "binary",
    ):
        return
    outer, name = path[:-1], path[-1]
    nulled = wire.changed(value, path, lambda _: None)
    without = wire.changed(value, outer, lambda part: {key: each for key, each in part.items() if key != name})
    try:
        read = kind.back(nulled)
    except DeserializationError as error:
        assert error.field or error.reason
        return
    assert name in OPTIONAL or kind.name == "limits" or "limits" in path or name in ("instanceType", "code"), path
    assert text_of(read) == text_of(kind.back(without))


@each_kind
@slow
@given(data=st.data())
def test_whole_numbers_may_be_written_as_decimals(kind: Kind, data: st.DataObject) -> None:
    value = data.draw(kind.values)
    places = [
        path
        for path in wire.paths_of(value)
        if type(_at(value, path)) is int and not own(path) and not {"annotations", "parameters"} & set(path)
    ]
    if not places or kind.name == "rule":
        return
    path = data.draw(st.sampled_from(places))
    if path[-1] == "value" or not USERS_OWN.isdisjoint(path):
        return
    assert text_of(kind.back(wire.changed(value, path, float))) == text_of(kind.back(value))


@each_kind
@slow
@given(data=st.data())
def test_whatever_is_wrong_is_named(kind: Kind, data: st.DataObject) -> None:
    value = data.draw(kind.values)
    spoilt = wire.changed(value, data.draw(st.sampled_from(wire.paths_of(value))), lambda _: data.draw(wire.ANY))
    try:
        written = kind.back(spoilt)
    except DeserializationError as error:
        assert error.reason
    else:
        assert kind.back(json.loads(to_payload(written))) == written


@often
@given(data=st.data())
def test_of_a_spoilt_activation_message_whoever_sent_it_is_found(data: st.DataObject) -> None:
    value = data.draw(wire.ACTIVATION_MESSAGES)
    path = data.draw(st.sampled_from(wire.paths_of(value)))
    spoilt = wire.changed(value, path, lambda _: data.draw(wire.ANY))
    found = read_message(to_payload(spoilt))
    if not path or path[0] in ("activationId", "rootControllerIndex"):
        return
    if not isinstance(found, Unreadable):
        assert found.activation_id == value["activationId"]
        return
    address = found.msg or reply_address(found.value)
    assert address is not None
    assert address.activation_id == value["activationId"]
    assert address.root_controller_index is not None
    assert address.root_controller_index.as_string == value["rootControllerIndex"]["asString"]
    if path[0] != "user" and not isinstance(address, ActivationMessage):
        assert address.namespace == value["user"]["namespace"]["name"]


@often
@given(data=st.data())
def test_a_message_that_breaks_off_behind_its_sender_is_answered(data: st.DataObject) -> None:
    value = data.draw(wire.ACTIVATION_MESSAGES)
    payload = to_payload(value)
    behind = payload.rindex(b'"rootControllerIndex":')
    length = data.draw(st.integers(payload.index(b"}", behind) + 1, len(payload) - 1))
    found = read_message(payload[:length])
    assert isinstance(found, Unreadable)
    address = reply_address(found.value)
    assert address is not None
    assert address.activation_id == value["activationId"]
    assert address.blocking is value["blocking"]
    assert address.root_controller_index is not None
    assert address.root_controller_index.as_string == value["rootControllerIndex"]["asString"]


@often
@given(payload=st.binary(max_size=60) | wire.ANY.map(to_payload))
def test_junk_is_never_more_than_unreadable(payload: bytes) -> None:
    found = read_message(payload)
    assert isinstance(found, Unreadable)
    assert found.reason
    assert found.msg is None


@often
@given(data=st.data())
def test_of_a_spoilt_acknowledgement_the_activation_is_found(data: st.DataObject) -> None:
    value = data.draw(wire.ACKNOWLEDGEMENTS)
    path = data.draw(st.sampled_from(wire.paths_of(value)))
    spoilt = wire.changed(value, path, lambda _: data.draw(wire.ANY))
    about = acknowledgement_from_json(value).activation_id
    try:
        acknowledgement_from_json(spoilt)
    except DeserializationError:
        bare = bare_acknowledgement(spoilt)
        if path and path not in (("response",), ("activationId",), ("response", "activationId")):
            assert bare is not None
            assert bare.activation_id == about
            assert ("instance" in value) is hasattr(bare, "instance")
