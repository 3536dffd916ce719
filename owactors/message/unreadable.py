"""Whom to answer when a message cannot be read: a caller must not wait for what will never come."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from attrs import frozen

from owactors.entity.errors import DeserializationError
from owactors.entity.ids import ActivationId
from owactors.entity.instance import ControllerInstanceId, InvokerInstanceId
from owactors.entity.jsonfields import as_bool, as_object, as_string, need
from owactors.entity.names import FullyQualifiedEntityName
from owactors.entity.size import ByteSize
from owactors.entity.transaction import UNKNOWN, TransactionId
from owactors.message.ack import (
    AcknowledgementMessage,
    CombinedCompletionAndResultMessage,
    CompletionMessage,
    ResultMessage,
)

T = TypeVar("T")
#: stands for a sender that could not be read
NO_INVOKER = InvokerInstanceId(-1, ByteSize(0))


@frozen
class ReplyAddress:
    """What is known of an activation message that cannot be read.

    Without `root_controller_index` nobody can be answered, without `namespace` no record can be kept.
    """

    transid: TransactionId
    activation_id: str
    root_controller_index: ControllerInstanceId | None
    #: True also where it is not known: an answer that nobody waits for does no harm
    blocking: bool
    namespace: str | None = None
    subject: str | None = None
    action: FullyQualifiedEntityName | None = None
    cause: str | None = None


def reply_address(value: object) -> ReplyAddress | None:
    """The address in a JSON value that is no ActivationMessage; None if it does not say which activation it is."""
    if not isinstance(value, Mapping):
        return None
    activation_id = _perhaps(value, "activationId", _as_id)
    if activation_id is None:
        return None
    user = _perhaps(value, "user", as_object) or {}
    blocking = _perhaps(value, "blocking", as_bool)
    return ReplyAddress(
        transid=_perhaps(value, "transid", TransactionId.from_json) or UNKNOWN,
        activation_id=activation_id,
        root_controller_index=_perhaps(value, "rootControllerIndex", ControllerInstanceId.from_json),
        blocking=True if blocking is None else blocking,
        namespace=_perhaps(_perhaps(user, "namespace", as_object) or {}, "name", as_string) or None,
        subject=_perhaps(user, "subject", as_string),
        action=_perhaps(value, "action", FullyQualifiedEntityName.from_json),
        cause=_perhaps(value, "cause", lambda cause: ActivationId.from_json(cause).text),
    )


def bare_acknowledgement(value: object) -> AcknowledgementMessage | None:
    """What an unreadable acknowledgement says at least: which activation ended, and whether its slot is free."""
    if not isinstance(value, Mapping):
        return None
    response = value.get("response")
    inner = response.get("activationId") if isinstance(response, Mapping) else response
    found = next((text for text in (value.get("activationId"), inner) if isinstance(text, str) and text), None)
    if found is None:
        return None
    transid = _perhaps(value, "transid", TransactionId.from_json) or UNKNOWN
    if "instance" not in value:
        return ResultMessage(transid, found)
    is_system_error = _perhaps(value, "isSystemError", as_bool)
    if "response" in value:
        return CombinedCompletionAndResultMessage(transid, found, is_system_error, NO_INVOKER)
    return CompletionMessage(transid, found, is_system_error, NO_INVOKER)


def _as_id(value: Any) -> str:
    """Any text: an id that OpenWhisk would not make still tells its sender what the answer is about."""
    try:
        return ActivationId.from_json(value).text
    except DeserializationError:
        return as_string(value)


def _perhaps(source: Mapping[str, Any], name: str, reader: Callable[[Any], T]) -> T | None:
    """The field, None if it is missing or wrong."""
    try:
        return need(source, name, reader)
    except DeserializationError:
        return None
