"""The record of an activation that never reached a container. (OpenWhisk, InvokerReactive.scala, generateFallback.)"""

from __future__ import annotations

from owactors.entity.activation import ActivationResponse, WhiskActivation
from owactors.entity.parameters import Parameters
from owactors.message.activation import ActivationMessage

NAMESPACES_BLACKLISTED = "The action was not invoked due to a blacklisted namespace."
ACTION_REMOVED = "Action could not be found or may have been deleted."
ACTION_MISMATCH = "Action version is not compatible and cannot be invoked."
ACTION_FETCH_ERROR = "Action could not be fetched."
INVOKER_STOPS = "The invoker is stopping and takes no more activations."
POOL_ENDED = "The process of the invoker's container pool ended."
UNREADABLE = "The invoker could not read the activation message"


def fallback_activation(msg: ActivationMessage, response: ActivationResponse, now: int) -> WhiskActivation:
    """A record of no duration at `now` (epoch ms): kind unknown, neither limits nor waitTime."""
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
        response=response,
        version=str(msg.action.version or "0.0.1"),
        annotations=Parameters.of(annotations),
        duration=0,
        cause=msg.cause,
    )
