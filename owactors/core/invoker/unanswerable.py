"""What is said when an activation message names whom to answer, and little else can be read of it."""

from __future__ import annotations

from owactors.core.invoker.fallback import UNREADABLE
from owactors.entity.activation import ActivationResponse, WhiskActivation
from owactors.entity.errors import DeserializationError
from owactors.entity.ids import ActivationId
from owactors.entity.instance import InvokerInstanceId
from owactors.entity.parameters import Parameters
from owactors.message.ack import (
    AcknowledgementMessage,
    CombinedCompletionAndResultMessage,
    CompletionMessage,
)
from owactors.message.unreadable import ReplyAddress

NOBODY = "unknown"


def refusal(address: ReplyAddress, record: WhiskActivation, instance: InvokerInstanceId) -> AcknowledgementMessage:
    """Frees the slot, and tells whoever waits why."""
    if not address.blocking or not _is_activation_id(address.activation_id):
        return CompletionMessage(address.transid, address.activation_id, True, instance)
    return CombinedCompletionAndResultMessage(address.transid, record, True, instance)


def unread_record(address: ReplyAddress, reason: str, now: int) -> WhiskActivation:
    """What is known of it, with the reason; `now` in epoch ms."""
    action = address.action
    notes = {"kind": NOBODY} if action is None else {"path": action.doc_id, "kind": NOBODY}
    return WhiskActivation(
        namespace=address.namespace or NOBODY,
        name=NOBODY if action is None else action.name,
        subject=address.subject or NOBODY,
        activation_id=address.activation_id,
        start=now,
        end=now,
        response=ActivationResponse.whisk_error(f"{UNREADABLE}: {reason}"),
        annotations=Parameters.of(notes if address.cause is None else {**notes, "causedBy": "sequence"}),
        duration=0,
        cause=address.cause,
    )


def is_kept(address: ReplyAddress) -> bool:
    """Whether somebody could ask for its record."""
    return address.namespace is not None and _is_activation_id(address.activation_id)


def _is_activation_id(text: str) -> bool:
    try:
        ActivationId(text)
    except (DeserializationError, ValueError):
        return False
    return True
