"""The arguments of a call: parameters of package, binding and action, overlaid by what the caller sends."""

from __future__ import annotations

from typing import Any

from owactors.core.controller import messages
from owactors.core.controller.rejection import bad_request
from owactors.entity.parameters import Parameters

FINAL = "final"


def is_final(annotations: Parameters) -> bool:
    """True if defined parameters may not be overridden."""
    return annotations.get(FINAL) is True


def immutable_parameters(parameters: Parameters, annotations: Parameters) -> frozenset[str]:
    """Names a caller may not set: of an action annotated final those with a value that is not null."""
    if not is_final(annotations):
        return frozenset()
    return frozenset(key for key, entry in parameters.entries.items() if entry.value is not None)


def check_overrides(immutable: frozenset[str], payload: dict[str, Any] | None) -> None:
    """Rejection 400 if the payload sets an immutable parameter."""
    if immutable and payload and not immutable.isdisjoint(payload):
        raise bad_request(messages.PARAMETERS_NOT_ALLOWED)


def merged_arguments(parameters: dict[str, Any], payload: Any) -> Any:
    """What the action gets: an array as it is, an object over the parameters, else the parameters alone."""
    if isinstance(payload, list):
        return payload
    if not payload or not isinstance(payload, dict):
        return parameters
    return {**parameters, **payload} if parameters else payload
