"""Whom to answer when an activation message cannot be read: a caller must not wait for what will never run."""

from __future__ import annotations

from attrs import frozen

from owactors.entity.errors import DeserializationError
from owactors.entity.instance import ControllerInstanceId
from owactors.entity.jsonfields import as_bool, as_object, as_string, maybe, need
from owactors.entity.transaction import UNKNOWN, TransactionId


@frozen
class ReplyAddress:
    """What an acknowledgement needs of the message it answers."""

    transid: TransactionId
    activation_id: str
    root_controller_index: ControllerInstanceId
    blocking: bool


def reply_address(value: object) -> ReplyAddress | None:
    """The address in a JSON value that is no ActivationMessage; None if it does not say who sent what."""
    try:
        source = as_object(value)
        return ReplyAddress(
            transid=TransactionId.from_json(source.get("transid")) if "transid" in source else UNKNOWN,
            activation_id=need(source, "activationId", as_string),
            root_controller_index=need(source, "rootControllerIndex", ControllerInstanceId.from_json),
            blocking=maybe(source, "blocking", as_bool) or False,
        )
    except DeserializationError:
        return None
