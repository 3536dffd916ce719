"""What an invoker does with an activation message before the pool sees it."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from owactors.core.invoker.actioncache import ActionCache
from owactors.core.invoker.fallback import (
    ACTION_FETCH_ERROR,
    ACTION_MISMATCH,
    ACTION_REMOVED,
    INVOKER_STOPS,
    NAMESPACES_BLACKLISTED,
    fallback_activation,
)
from owactors.core.invoker.intake import (
    ActionFetched,
    Arrived,
    BlacklistRead,
    FetchAction,
    FetchFailed,
    Intake,
    PlaceRun,
    Refuse,
    StopIntake,
)
from owactors.core.invoker.reading import Unreadable, read_message
from owactors.entity.action import WhiskAction
from owactors.entity.activation import APPLICATION_ERROR, WHISK_ERROR, ActivationResponse
from owactors.entity.errors import DeserializationError
from owactors.entity.exec import CodeExec, SequenceExec
from owactors.entity.ids import DocRevision
from owactors.entity.limits import UserLimits
from owactors.message.activation import ActivationMessage
from owactors.message.store import NoDocument, StoreUnavailable
from tests.core.pool_bench import action, run_of

NOW = 1000.0


def stored(revision: str = "1-a", **fields: Any) -> WhiskAction:
    return action(revision=DocRevision(revision), **fields)


def message(revision: str = "1-a", blocking: bool = True, limits: UserLimits | None = None) -> ActivationMessage:
    msg = run_of().msg
    user = evolve(msg.user, limits=limits or UserLimits())
    return evolve(msg, revision=DocRevision(revision), blocking=blocking, user=user)


def arrive(intake: Intake, *messages: ActivationMessage) -> list[Any]:
    return [each for msg in messages for each in intake.handle(Arrived(msg, NOW))]


def known(**fields: Any) -> Intake:
    """An intake that has the action in its cache."""
    intake = Intake()
    arrive(intake, message())
    intake.handle(ActionFetched(1, stored(**fields), NOW))
    return intake


def test_the_first_message_fetches_and_the_next_finds_the_action() -> None:
    intake = Intake()
    first, second = message(), message()
    assert arrive(intake, first) == [FetchAction(1, "guest/hello")]
    [placed] = intake.handle(ActionFetched(1, stored(), NOW))
    assert isinstance(placed, PlaceRun)
    assert placed.run.msg is first
    [again] = arrive(intake, second)
    assert again.run.action is placed.run.action


def test_messages_for_one_revision_share_a_fetch() -> None:
    intake = Intake()
    messages = [message(), message(), message()]
    assert arrive(intake, *messages) == [FetchAction(1, "guest/hello")]
    assert intake.fetching == 3
    assert intake.messages_waiting() == {msg.activation_id for msg in messages}
    placed = intake.handle(ActionFetched(1, stored(), NOW))
    assert [each.run.msg for each in placed] == messages
    assert intake.fetching == 0


@pytest.mark.scenario("WIRE-12")
@pytest.mark.scenario("IN-08")
def test_a_newer_revision_than_asked_for_is_run() -> None:
    intake = Intake()
    arrive(intake, message("1-a"))
    [placed] = intake.handle(ActionFetched(1, stored("2-b"), NOW))
    assert placed.run.action.revision.text == "2-b"
    assert arrive(intake, message("1-a")) == [FetchAction(2, "guest/hello")]
    assert isinstance(arrive(intake, message("2-b"))[0], PlaceRun)


@pytest.mark.scenario("IN-10")
def test_without_a_revision_the_cache_is_bypassed() -> None:
    intake = known()
    assert arrive(intake, message(""), message("")) == [FetchAction(2, "guest/hello"), FetchAction(3, "guest/hello")]


@pytest.mark.scenario("IN-06")
def test_a_blacklisted_namespace_gets_an_application_error_and_no_record() -> None:
    intake = known()
    intake.handle(BlacklistRead(frozenset({"guest"}), NOW))
    [refused] = arrive(intake, message(blocking=True))
    assert refused.response == ActivationResponse.application_error(NAMESPACES_BLACKLISTED)
    assert not refused.store
    assert not refused.msg.blocking


@pytest.mark.parametrize(
    ("cause", "status", "text"),
    [
        pytest.param(NoDocument("guest/hello"), APPLICATION_ERROR, ACTION_REMOVED, marks=pytest.mark.scenario("IN-07")),
        (DeserializationError("is missing", "exec"), WHISK_ERROR, ACTION_MISMATCH),
        (StoreUnavailable("disk full"), WHISK_ERROR, ACTION_FETCH_ERROR),
        (RuntimeError(), WHISK_ERROR, ACTION_FETCH_ERROR),
    ],
)
def test_what_cannot_be_fetched_ends_for_all_that_waited(cause: Exception, status: int, text: str) -> None:
    intake = Intake()
    messages = [message(), message()]
    arrive(intake, *messages)
    refused = intake.handle(FetchFailed(1, cause, NOW))
    assert [each.msg for each in refused] == messages
    assert {(each.response.status_code, each.response.result["error"]) for each in refused} == {(status, text)}
    assert all(each.store for each in refused)
    assert arrive(intake, message()) == [FetchAction(2, "guest/hello")]


@pytest.mark.scenario("IN-09")
def test_a_sequence_cannot_be_run_by_an_invoker() -> None:
    intake = Intake()
    arrive(intake, message())
    sequence = evolve(stored(), exec=SequenceExec(("/guest/a",)))
    [refused] = intake.handle(ActionFetched(1, sequence, NOW))
    assert refused.response == ActivationResponse.whisk_error(ACTION_FETCH_ERROR)


@pytest.mark.parametrize(
    ("limits", "text"),
    [
        (UserLimits(max_action_memory=128), "memory size 256 MB exceeds allowed threshold of 128 MB"),
        (UserLimits(max_action_timeout=1000), "duration 60000 milliseconds exceeds allowed threshold of 1000"),
        (UserLimits(max_action_timeout=1000, max_action_memory=128), "duration 60000 milliseconds"),
    ],
)
def test_an_action_over_todays_limits_is_not_run(limits: UserLimits, text: str) -> None:
    intake = known()
    [refused] = arrive(intake, message(limits=limits))
    assert refused.response.status_code == APPLICATION_ERROR
    assert refused.response.result["error"].startswith(f"requirement failed: {text}")
    assert isinstance(arrive(intake, message())[0], PlaceRun)


def test_a_stopped_intake_refuses_new_messages_and_serves_those_that_wait() -> None:
    intake = Intake()
    first = message()
    arrive(intake, first)
    intake.handle(StopIntake(NOW))
    [refused] = arrive(intake, message())
    assert isinstance(refused, Refuse)
    assert refused.reason == INVOKER_STOPS
    [placed] = intake.handle(ActionFetched(1, stored(), NOW))
    assert placed.run.msg is first


def test_an_answer_nobody_waits_for_is_ignored() -> None:
    assert Intake().handle(ActionFetched(7, stored(), NOW)) == []


# The cache.


def test_the_cache_forgets_what_is_old_or_too_much() -> None:
    cache = ActionCache(max_entries=2, max_bytes=10, max_age=300.0)
    for number in range(3):
        cache.put(stored(f"{number}-a", name=f"a{number}"), NOW + number)
    assert (len(cache), cache.bytes) == (2, 8)
    assert cache.get(("guest/a0", "0-a"), NOW) is None
    cache.put(evolve(stored("9-a", name="big"), exec=CodeExec("nodejs:20", "x" * 50)), NOW + 4)
    assert (len(cache), cache.bytes) == (1, 50)
    cache.put(stored("1-a", name="later"), NOW + 400)
    assert len(cache) == 1


def test_what_has_no_revision_is_not_kept() -> None:
    cache = ActionCache()
    cache.put(stored(""), NOW)
    assert len(cache) == 0


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 100)), max_size=60))
def test_the_cache_counts_its_bytes(steps: list[tuple[int, int, int]]) -> None:
    cache = ActionCache(max_entries=4, max_bytes=40, max_age=50.0)
    now = NOW
    for name, size, pause in steps:
        now += pause
        cache.put(evolve(stored("1-a", name=f"a{name}"), exec=CodeExec("nodejs:20", "x" * size * 4)), now)
        assert cache.bytes == sum(entry.size for entry in cache._entries.values())
        assert len(cache) <= 4
        assert cache.bytes <= 40 or len(cache) == 1


# Bytes.


def test_a_message_is_read_as_it_was_written() -> None:
    msg = message()
    assert read_message(orjson.dumps(msg.to_json())) == msg


@pytest.mark.scenario("IN-05")
@pytest.mark.parametrize("payload", [b"", b"{", b"[]", b'"x"', b"{}", b"\xff"])
def test_of_bytes_that_name_no_activation_nobody_can_be_told(payload: bytes) -> None:
    found = read_message(payload)
    assert isinstance(found, Unreadable)
    assert found.msg is None
    assert found.reason


@pytest.mark.scenario("IN-05")
@pytest.mark.parametrize("spoiled", [{"content": 5}, {"initArgs": "x"}, {"lockedArgs": None}, {"traceContext": []}])
def test_of_a_spoiled_message_the_caller_is_found(spoiled: dict[str, Any]) -> None:
    msg = message()
    found = read_message(orjson.dumps({**msg.to_json(), **spoiled}))
    assert isinstance(found, Unreadable)
    assert found.msg is not None
    assert found.msg.activation_id == msg.activation_id
    assert found.msg.user == msg.user


def test_a_fallback_record_says_no_more_than_is_known() -> None:
    msg = evolve(message(), cause="a" * 32)
    record = fallback_activation(msg, ActivationResponse.whisk_error("why"), 5)
    assert (record.start, record.end, record.duration) == (5, 5, 0)
    assert record.annotations.values == {"path": "guest/hello", "kind": "unknown", "causedBy": "sequence"}
    assert record.cause == "a" * 32
