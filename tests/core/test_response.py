"""What an exchange with a container means for the activation."""

from __future__ import annotations

from typing import Any

import pytest

from owactors.core import response
from owactors.core.reply import (
    ConnectionFailed,
    ContainerReply,
    Interval,
    MemoryExhausted,
    NoResponseReceived,
    Outcome,
    RunResult,
    RunTimeout,
)
from owactors.entity.activation import APPLICATION_ERROR, DEVELOPER_ERROR, SUCCESS

LIMIT = 1000
INVALID = "The action did not produce a valid JSON or JSON Array response"


def exchange(outcome: Outcome | bytes, status: int = 200, took: int = 5) -> RunResult:
    if isinstance(outcome, bytes):
        outcome = ContainerReply(status, outcome, len(outcome), 1024)
    return RunResult(Interval(0, took), outcome)


@pytest.mark.scenario("WIRE-18")
@pytest.mark.scenario("AR-05")
@pytest.mark.parametrize(
    ("body", "status_code", "result"),
    [
        (b'{"a":1}', SUCCESS, {"a": 1}),
        (b"{}", SUCCESS, {}),
        (b"[1,2]", SUCCESS, [1, 2]),
        (b'{"error":"e","more":1}', APPLICATION_ERROR, {"error": "e"}),
        (b'{"error":null}', APPLICATION_ERROR, {"error": None}),
        (b"null", DEVELOPER_ERROR, {"error": f"{INVALID}: null"}),
        (b"5", DEVELOPER_ERROR, {"error": f"{INVALID}: 5"}),
        (b'"text"', DEVELOPER_ERROR, {"error": f'{INVALID}: "text"'}),
        (b"{not json", DEVELOPER_ERROR, {"error": f"{INVALID}: {{not json"}),
        (b"", DEVELOPER_ERROR, {"error": f"{INVALID}."}),
        (b"[" * 2000, DEVELOPER_ERROR, {"error": f"{INVALID}: {'[' * 2000}"}),
    ],
)
def test_a_run_that_answered_200(body: bytes, status_code: int, result: Any) -> None:
    answer = response.run_response(exchange(ContainerReply(200, body, len(body), 4096)), LIMIT)
    assert (answer.status_code, answer.result, answer.size) == (status_code, result, len(body))


@pytest.mark.parametrize(
    ("body", "error"),
    [(b'{"error":{"why":1}}', {"why": 1}), (b'{"a":1}', f'{INVALID}: {{"a":1}}'), (b"", f"{INVALID}.")],
)
def test_a_run_that_answered_another_status(body: bytes, error: Any) -> None:
    answer = response.run_response(exchange(body, 502), LIMIT)
    assert (answer.status_code, answer.result) == (DEVELOPER_ERROR, {"error": error})


@pytest.mark.scenario("AR-01")
@pytest.mark.parametrize("status", [200, 502])
def test_a_run_that_answered_too_much(status: int) -> None:
    answer = response.run_response(exchange(ContainerReply(status, b"abc", 10, 3)), LIMIT)
    assert answer.status_code == APPLICATION_ERROR
    assert answer.result["error"].endswith("allowed length: 10 > 3 bytes. The truncated response was: abc")
    assert answer.size == 10


@pytest.mark.scenario("AR-02")
@pytest.mark.parametrize(
    ("outcome", "run_text", "init_text"),
    [
        (ConnectionFailed("x"), response.ABNORMAL_RUN, response.ABNORMAL_INITIALIZATION),
        (NoResponseReceived(), response.ABNORMAL_RUN, response.ABNORMAL_INITIALIZATION),
        (
            NoResponseReceived("closed", "exit code 3"),
            f"{response.ABNORMAL_RUN} Its process ended with exit code 3.",
            f"{response.ABNORMAL_INITIALIZATION} Its process ended with exit code 3.",
        ),
        (MemoryExhausted(), response.MEMORY_EXHAUSTED, response.MEMORY_EXHAUSTED),
        (
            MemoryExhausted(None, 128 << 20),
            f"{response.MEMORY_EXHAUSTED} It may use 128 MB.",
            f"{response.MEMORY_EXHAUSTED} It may use 128 MB.",
        ),
        (
            MemoryExhausted((128 << 20) - 4096, 128 << 20),
            f"{response.MEMORY_EXHAUSTED} It used 128 MB and may use 128 MB.",
            f"{response.MEMORY_EXHAUSTED} It used 128 MB and may use 128 MB.",
        ),
        (
            RunTimeout(1.0),
            "The action exceeded its time limits of 1000 milliseconds.",
            "The action exceeded its time limits of 1000 milliseconds during initialization.",
        ),
    ],
)
def test_an_exchange_without_an_answer_is_a_developer_error(outcome: Outcome, run_text: str, init_text: str) -> None:
    ran = response.run_response(exchange(outcome), LIMIT)
    initialized = response.init_failure(exchange(outcome), LIMIT)
    assert initialized is not None
    assert (ran.status_code, ran.result) == (DEVELOPER_ERROR, {"error": run_text})
    assert (initialized.status_code, initialized.result) == (DEVELOPER_ERROR, {"error": init_text})


@pytest.mark.scenario("WIRE-18")
@pytest.mark.scenario("DK-12")
def test_time_is_up_even_with_an_answer_but_not_for_a_good_init() -> None:
    assert response.run_response(exchange(b"{}", took=1000), LIMIT).status_code == DEVELOPER_ERROR
    assert response.run_response(exchange(b"{}", took=999), LIMIT).status_code == SUCCESS
    assert response.init_failure(exchange(b"{}", took=1000), LIMIT) is None


@pytest.mark.scenario("AR-04")
@pytest.mark.parametrize("body", [b"", b"nonsense", b'{"error":"x"}', b"[]"])
def test_an_init_that_answered_200_is_good_whatever_it_says(body: bytes) -> None:
    assert response.init_failure(exchange(body), LIMIT) is None


@pytest.mark.scenario("AR-01")
def test_an_init_that_failed() -> None:
    own = response.init_failure(exchange(b'{"error":"no main"}', 502), LIMIT)
    other = response.init_failure(exchange(b"sorry", 502), LIMIT)
    long = response.init_failure(exchange(ContainerReply(200, b"abc", 10, 3)), LIMIT)
    assert own is not None
    assert other is not None
    assert long is not None
    assert own.result == {"error": "no main"}
    assert other.result == {"error": "The action failed during initialization: sorry"}
    assert long.status_code == DEVELOPER_ERROR
    assert "exceeded the allowed length" in long.result["error"]


@pytest.mark.scenario("AR-03")
@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", "The action failed during initialization."),
        (b"null", "The action failed during initialization: null"),
        (b"text", "The action failed during initialization: text"),
        (b"[1]", "The action failed during initialization: [1]"),
        (b'{"a":1}', 'The action failed during initialization: {"a":1}'),
        (b'{"error":{"why":1}}', {"why": 1}),
    ],
)
def test_what_a_failed_init_says(body: bytes, error: Any) -> None:
    failed = response.init_failure(exchange(body, 502), LIMIT)
    assert failed is not None
    assert (failed.status_code, failed.result) == (DEVELOPER_ERROR, {"error": error})


@pytest.mark.scenario("DK-12")
def test_an_empty_result_has_a_size() -> None:
    answer = response.run_response(exchange(b"{}"), LIMIT)
    assert (answer.status_code, answer.result, answer.size) == (SUCCESS, {}, 2)


@pytest.mark.scenario("WIRE-19")
@pytest.mark.scenario("DK-13")
def test_only_503_is_a_refusal() -> None:
    assert response.is_refused(ContainerReply(503, b"", 0, 1))
    assert not response.is_refused(ContainerReply(500, b"", 0, 1))
    assert not response.is_refused(NoResponseReceived())


def test_size_counts_utf_16_units() -> None:
    assert response.text_size(b"abc") == 3
    assert response.text_size("äb".encode()) == 2
    assert response.text_size("a😀".encode()) == 3


def test_bytes_that_are_no_text_are_shown_as_far_as_they_can_be() -> None:
    answer = response.run_response(exchange(b"\xff{"), LIMIT)
    assert answer.result == {"error": f"{INVALID}: �{{"}
