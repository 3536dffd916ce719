"""What an activation's result is, given what its container answered. (OpenWhisk, ActivationResult.scala.)

The texts are OpenWhisk's (ErrorResponse.scala, object Messages): users and tools look for them.
"""

from __future__ import annotations

from typing import Any

from owactors.core.reply import ContainerReply, MemoryExhausted, NoResponseReceived, Outcome, RunResult, RunTimeout
from owactors.entity.activation import ActivationResponse
from owactors.message.payload import from_payload

ABNORMAL_INITIALIZATION = "The action did not initialize and exited unexpectedly."
ABNORMAL_RUN = "The action did not produce a valid response and exited unexpectedly."
MEMORY_EXHAUSTED = "The action exhausted its memory and was aborted."
RESOURCE_PROVISION_ERROR = "Failed to provision resources to run the action."
MIB = 1024 * 1024
SERVICE_UNAVAILABLE = 503
OK = 200


def memory_exhausted(used: int | None, allowed: int | None) -> str:
    """The text for an action that needed too much memory; OpenWhisk's sentence comes first."""
    return used_and_allowed(MEMORY_EXHAUSTED, used, allowed)


def used_and_allowed(sentence: str, used: int | None, allowed: int | None) -> str:
    """The sentence, then what is known of the bytes that were used and allowed."""
    if allowed is None:
        return sentence
    if used is None:
        return f"{sentence} It may use {_mb(allowed)}."
    return f"{sentence} It used {_mb(used)} and may use {_mb(allowed)}."


def _mb(size: int) -> str:
    return f"{size / MIB:.4g} MB"


def timed_out_activation(timeout: int, init: bool) -> str:
    """The text for an activation over its time limit of `timeout` ms."""
    return f"The action exceeded its time limits of {timeout} milliseconds" + (
        " during initialization." if init else "."
    )


def invalid_init_response(body: str) -> str:
    """The text for an /init that failed with this body."""
    return "The action failed during initialization" + (f": {body}" if body else ".")


def invalid_run_response(body: str) -> str:
    """The text for a /run that answered neither object nor array."""
    return "The action did not produce a valid JSON or JSON Array response" + (f": {body}" if body else ".")


def truncated_response(start: str, length: int, limit: int) -> str:
    """The text for a body of `length` bytes where `limit` are allowed; `start` is what was kept of it."""
    return (
        f"The action produced a response that exceeded the allowed length: {length} > {limit} bytes. "
        f"The truncated response was: {start}"
    )


def is_refused(outcome: Outcome) -> bool:
    """True when the container said that it cannot serve (503): the activation belongs elsewhere."""
    return type(outcome) is ContainerReply and outcome.status == SERVICE_UNAVAILABLE


def is_over_time(result: RunResult, timeout: int) -> bool:
    """True when the exchange took its whole time limit of `timeout` ms, whatever came of it."""
    return result.interval.duration >= timeout or type(result.outcome) is RunTimeout


def init_failure(result: RunResult, timeout: int) -> ActivationResponse | None:
    """Why /init failed, or None when it succeeded. `timeout` in ms."""
    outcome = result.outcome
    if type(outcome) is ContainerReply and outcome.status == OK and not outcome.truncated:
        return None
    if is_over_time(result, timeout):
        return ActivationResponse.developer_error(timed_out_activation(timeout, init=True))
    if type(outcome) is not ContainerReply:
        return _broken(outcome, ABNORMAL_INITIALIZATION)
    if outcome.truncated:
        return ActivationResponse.developer_error(_truncated(outcome), outcome.length)
    return _refusal(outcome, invalid_init_response)


def run_response(result: RunResult, timeout: int) -> ActivationResponse:
    """The activation's response after /run. `timeout` in ms."""
    if is_over_time(result, timeout):
        return ActivationResponse.developer_error(timed_out_activation(timeout, init=False))
    outcome = result.outcome
    if type(outcome) is not ContainerReply:
        return _broken(outcome, ABNORMAL_RUN)
    if outcome.truncated:
        return ActivationResponse.application_error(_truncated(outcome), outcome.length)
    if outcome.status != OK:
        return _refusal(outcome, invalid_run_response)
    return _answer(outcome)


def _answer(reply: ContainerReply) -> ActivationResponse:
    """The response for a complete body that came with 200."""
    value = _parsed(reply.body)
    size = text_size(reply.body)
    if isinstance(value, dict):
        if "error" in value:
            return ActivationResponse.application_error(value["error"], size)
        return ActivationResponse.success(value, size)
    if isinstance(value, list):
        return ActivationResponse.success(value, size)
    return ActivationResponse.developer_error(invalid_run_response(_text(reply.body)), size)


def _refusal(reply: ContainerReply, words: Any) -> ActivationResponse:
    """The developer error for a status other than 200: the body's own `error`, else `words(body)`."""
    value = _parsed(reply.body)
    size = text_size(reply.body)
    if isinstance(value, dict) and "error" in value:
        return ActivationResponse.developer_error(value["error"], size)
    return ActivationResponse.developer_error(words(_text(reply.body)), size)


def _broken(outcome: Outcome, words: str) -> ActivationResponse:
    """The developer error for an exchange without an answer; OpenWhisk's sentence, then what else is known."""
    if isinstance(outcome, MemoryExhausted):
        words = memory_exhausted(outcome.used, outcome.allowed)
    elif isinstance(outcome, NoResponseReceived) and outcome.ending:
        words = f"{words} Its process ended with {outcome.ending}."
    return ActivationResponse.developer_error(words)


def _truncated(reply: ContainerReply) -> str:
    return truncated_response(_text(reply.body), reply.length, reply.limit)


def _parsed(body: bytes) -> Any:
    """The JSON value, None for what is not JSON (JSON's own null is no valid answer either)."""
    try:
        return from_payload(body)
    except ValueError:
        return None


def _text(body: bytes) -> str:
    return body.decode("utf-8", "replace")


def text_size(body: bytes) -> int:
    """The body's length as OpenWhisk counts it: in UTF-16 units of its text."""
    if body.isascii():
        return len(body)
    return len(_text(body).encode("utf-16-le")) // 2
