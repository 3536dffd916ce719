"""Every message of a running OpenWhisk is read, and written back as it was."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from owactors.entity.errors import DeserializationError
from owactors.entity.instance import ControllerInstanceId
from owactors.message.ack import (
    CombinedCompletionAndResultMessage,
    CompletionMessage,
    ResultMessage,
    acknowledgement_from_json,
)
from owactors.message.activation import ActivationMessage
from owactors.message.cache import CacheInvalidationMessage
from owactors.message.event import ActivationEvent, EventMessage, MetricEvent, source_of
from owactors.message.health import PingMessage
from owactors.message.payload import to_payload
from owactors.message.unreadable import reply_address
from tests.message.recordings import FOLDER, Recorded, recorded

READERS: dict[str, Callable[[Any], Any]] = {
    "invoker": ActivationMessage.from_json,
    "completed": acknowledgement_from_json,
    "health": PingMessage.from_json,
    "events": EventMessage.from_json,
    "cacheInvalidation": CacheInvalidationMessage.from_json,
}
#: how many messages were recorded on each topic
COUNTS = {"invoker": 156, "completed": 236, "health": 13, "events": 226, "cacheInvalidation": 49}

#: injected messages that the original does not read, and what is wrong with them
UNREADABLE = {
    "INJ04": "revision",
    "INJ10": "lockedArgs",
    "INJ11": "user.limits",
    "INJ12": "user.rights",
    "INJ22": "activationId",
    "INJ26": "content",
}
#: injected messages that are written back in another form than they had
OTHER_FORM = {"INJ13": {"extra"}, "INJ14": {"action"}}


def exactly(value: Any) -> str:
    """Text that is equal only for equal fields, values and types of values."""
    return json.dumps(value, sort_keys=True)


@pytest.mark.parametrize("topic", READERS)
def test_every_message_survives_reading_and_writing(topic: str) -> None:
    messages = list(recorded(topic))
    assert len(messages) == COUNTS[topic]
    for message in messages:
        assert exactly(READERS[topic](message.value).to_json()) == exactly(message.value), message.where


#: acknowledgements of invokers that a script played, by the number from which these are counted
SCRIPTED = 2


@pytest.mark.parametrize("topic", READERS)
def test_what_openwhisk_wrote_is_written_again_to_the_byte(topic: str) -> None:
    """But for the arguments of a call, which are a user's own: we write their names in alphabetical order."""
    compared = 0
    for message in recorded(topic):
        if message.value.get("instance", {}).get("instance", 0) >= SCRIPTED:
            continue
        mine, theirs = to_payload(READERS[topic](message.value).to_json()).decode(), message.text
        for name in {"content", "lockedArgs"} & message.value.keys():
            theirs = theirs.replace(_text_of(name, theirs), to_payload(message.value[name]).decode())
        assert mine == theirs, message.where
        compared += 1
    assert compared == COUNTS[topic] - (34 if topic == "completed" else 0)


def _text_of(name: str, text: str) -> str:
    """The part of a message's text that is the value of this field."""
    begin = text.index(f'"{name}":') + len(f'"{name}":')
    _, end = json.JSONDecoder().raw_decode(text, begin)
    return text[begin:end]


def test_injected_messages_are_read_or_refused_as_by_the_original() -> None:
    refused = {}
    for message in recorded("injected"):
        try:
            back = READERS[message.topic](message.value).to_json()
        except DeserializationError as error:
            refused[message.call] = error.field
            continue
        different = {name for name in message.value if exactly(message.value[name]) != exactly(back.get(name))}
        expected = OTHER_FORM.get(message.call, set()) if message.topic == "invoker" else set()
        assert different == expected, message.where
    assert refused == UNREADABLE


def test_whoever_sent_an_unreadable_message_can_be_answered() -> None:
    injected = {entry["call"] for entry in json.loads((FOLDER / "injected_index.json").read_text())}
    assert injected >= set(UNREADABLE)
    for message in recorded("injected"):
        if message.topic == "invoker" and message.call in UNREADABLE:
            address = reply_address(message.value)
            assert address is not None
            assert address.root_controller_index == ControllerInstanceId("9")
            assert address.activation_id == message.value["activationId"]
            assert address.transid.to_json() == message.value["transid"]


def test_without_an_address_there_is_nobody_to_answer() -> None:
    for value in (None, "text", [], {}, {"activationId": None}, {"rootControllerIndex": {"asString": "0"}}):
        assert reply_address(value) is None
    address = reply_address({"activationId": "a" * 32, "rootControllerIndex": {"asString": 0}})
    assert address is not None
    assert (address.root_controller_index, address.namespace) == (None, None)


def acknowledged_records() -> dict[str, Any]:
    """Activation id -> the whole record some acknowledgement carried."""
    found = {}
    for message in recorded("completed"):
        ack = acknowledgement_from_json(message.value)
        if not isinstance(ack, CompletionMessage) and not isinstance(ack.response, str):
            found[ack.activation_id] = ack.response
    return found


def activation_events() -> list[tuple[Recorded, EventMessage]]:
    """Events of activations, with where they were."""
    read = [(message, EventMessage.from_json(message.value)) for message in recorded("events")]
    return [(message, event) for message, event in read if isinstance(event.body, ActivationEvent)]


def test_the_event_of_an_activation_follows_from_its_record() -> None:
    records = acknowledged_records()
    compared = 0
    for message, event in activation_events():
        record = records.get(event.body.activation_id)
        if record is not None:
            assert ActivationEvent.of(record) == event.body, message.where
            compared += 1
    assert compared > 50


@pytest.mark.scenario("WIRE-23")
def test_the_event_names_its_sender_and_user_as_the_message_and_the_acknowledgement_do() -> None:
    orders = {m.value["activationId"]: ActivationMessage.from_json(m.value) for m in recorded("invoker")}
    senders = {}
    for message in recorded("completed"):
        ack = acknowledgement_from_json(message.value)
        if not isinstance(ack, ResultMessage):
            senders[ack.activation_id] = ack.instance
    compared = 0
    for message, event in activation_events():
        order, sender = orders.get(event.body.activation_id), senders.get(event.body.activation_id)
        if order is not None and sender is not None:
            assert EventMessage.of(sender, event.body, order.user, event.timestamp) == event, message.where
            assert event.source == source_of(sender)
            compared += 1
    assert compared > 50


def test_whether_it_is_a_system_error_follows_from_the_record() -> None:
    compared = 0
    for message in recorded("completed"):
        ack = acknowledgement_from_json(message.value)
        if isinstance(ack, CombinedCompletionAndResultMessage) and not isinstance(ack.response, str):
            made = CombinedCompletionAndResultMessage.of(ack.transid, ack.response, ack.instance)
            assert exactly(made.to_json()) == exactly(message.value), message.where
            compared += 1
    assert compared > 0


@pytest.mark.scenario("WIRE-23")
def test_a_body_is_a_metric_if_it_names_one() -> None:
    bodies = [EventMessage.from_json(message.value).body for message in recorded("events")]
    names = {body.metric_name for body in bodies if isinstance(body, MetricEvent)}
    assert names >= {"ConcurrentInvocations"}
    assert any(isinstance(body, ActivationEvent) for body in bodies)
