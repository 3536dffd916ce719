"""The record of an activation that the platform lost: its invoker ended while it was under way."""

from __future__ import annotations

from owactors.entity.activation import ActivationResponse, WhiskActivation
from owactors.entity.parameters import Parameters
from owactors.message.activation import ActivationMessage


def lost_activation(msg: ActivationMessage, reason: str, now: int) -> WhiskActivation:
    """A whisk error with the cause, ending at `now` (epoch ms), without duration; annotations as fallback records."""
    annotations = {"path": msg.action.doc_id, "kind": "unknown"}
    if msg.cause is not None:
        annotations["causedBy"] = "sequence"
    return WhiskActivation(
        namespace=msg.user.namespace.name,
        name=msg.action.name,
        subject=msg.user.subject,
        activation_id=msg.activation_id,
        start=now,
        end=now,
        response=ActivationResponse.whisk_error(reason),
        version=str(msg.action.version or "0.0.1"),
        annotations=Parameters.of(annotations),
        duration=0,
        cause=msg.cause,
    )
