"""Events of records that were not recorded, and bodies that do not fit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from owactors.entity.activation import ActivationResponse, WhiskActivation
from owactors.entity.errors import DeserializationError
from owactors.entity.parameters import Parameters
from owactors.message.cache import CacheInvalidationMessage
from owactors.message.event import ActivationEvent, EventMessage

SAMPLES = Path(__file__).parents[1] / "data" / "wire_samples"
NOTES = {"path": "guest/hello", "kind": "python:3", "limits": {"memory": 256}, "waitTime": 4}


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.json").read_text())


def record(result: Any = None, **notes: Any) -> WhiskActivation:
    return WhiskActivation(
        "guest", "hello", "guest", "a" * 32, 10, 20, ActivationResponse(0, result), annotations=Parameters.of(notes)
    )


def event(result: Any = None, **notes: Any) -> ActivationEvent:
    made = ActivationEvent.of(record(result, **(NOTES | notes)))
    assert made is not None
    return made


@pytest.mark.parametrize("name", ["event_activation", "event_metric"])
def test_samples_of_events_survive(name: str) -> None:
    assert EventMessage.from_json(sample(name)).to_json() == sample(name)


def test_the_sample_of_an_invalidation_survives() -> None:
    value = sample("cache_invalidation")
    assert CacheInvalidationMessage.from_json(value).to_json() == value
    value["key"]["secondaryId"] = "more"
    assert CacheInvalidationMessage.from_json(value).to_json() == value


@pytest.mark.scenario("WIRE-23")
@pytest.mark.parametrize("missing", ["path", "kind"])
def test_there_is_no_event_of_a_record_that_does_not_say_what_ran(missing: str) -> None:
    assert ActivationEvent.of(record(**{key: value for key, value in NOTES.items() if key != missing})) is None


def test_what_a_record_leaves_out_counts_as_nothing() -> None:
    made = event()
    assert (made.duration, made.wait_time, made.init_time, made.conductor, made.memory) == (0, 4, 0, False, 256)
    assert set(made.to_json()) == {
        *("name", "activationId", "statusCode", "duration", "waitTime", "initTime", "kind", "conductor", "memory")
    }


@pytest.mark.parametrize(
    "result, expected",
    [
        ({"statusCode": 201}, 201),
        ({"error": {"statusCode": 404}, "statusCode": 200}, 404),
        ({"error": "text", "statusCode": 418}, 418),
        ({"statusCode": "201"}, 400),
        ({"statusCode": None}, 400),
        ({"statusCode": True}, 400),
        ({"other": 1}, None),
        ([{"statusCode": 1}], None),
        (None, None),
    ],
)
def test_an_action_may_name_its_own_status(result: Any, expected: int | None) -> None:
    assert event(result).user_defined_status_code == expected


@pytest.mark.parametrize("field", ["source", "body", "subject", "namespace", "userId", "eventType", "timestamp"])
def test_every_field_of_an_event_must_be_there(field: str) -> None:
    value = sample("event_activation")
    del value[field]
    with pytest.raises(DeserializationError, match=field):
        EventMessage.from_json(value)


@pytest.mark.scenario("WIRE-23")
def test_the_type_follows_from_the_body() -> None:
    value = sample("event_metric")
    assert EventMessage.from_json(value | {"eventType": "Activation"}).to_json() == value
