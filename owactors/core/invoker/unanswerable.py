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


def refusal(address: ReplyAddress, reason: str, instance: InvokerInstanceId, now: int) -> AcknowledgementMessage:
    """Frees the slot, and tells whoever waits why; `now` in epoch ms. There is no record: it is not known for whom."""
    if not address.blocking or not _is_activation_id(address.activation_id):
        return CompletionMessage(address.transid, address.activation_id, True, instance)
    record = WhiskActivation(
        namespace=NOBODY,
        name=NOBODY,
        subject=NOBODY,
        activation_id=address.activation_id,
        start=now,
        end=now,
        response=ActivationResponse.whisk_error(f"{UNREADABLE}: {reason}"),
        annotations=Parameters(),
        duration=0,
    )
    return CombinedCompletionAndResultMessage(address.transid, record, True, instance)


def _is_activation_id(text: str) -> bool:
    try:
        ActivationId(text)
    except (DeserializationError, ValueError):
        return False
    return True
