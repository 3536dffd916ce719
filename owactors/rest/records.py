"""Activation records as the API shows them. (OpenWhisk, WhiskActivation.scala, toExtendedJson.)"""

from __future__ import annotations

from typing import Any

from owactors.entity.activation import STATUS_TEXT, SUCCESS, WhiskActivation
from owactors.entity.exec import SEQUENCE

_STORE_FIELDS = ("_id", "_rev", "entityType", "updated")


def shown_response(response: dict[str, Any]) -> dict[str, Any]:
    """The stored response with the status in words: `{status, success, result?, size?}`."""
    code = response.get("statusCode", SUCCESS)
    shown = {name: value for name, value in response.items() if name != "statusCode"}
    shown["status"] = STATUS_TEXT.get(code, str(code))
    shown["success"] = code == SUCCESS
    return shown


def shown_record(record: dict[str, Any]) -> dict[str, Any]:
    """A stored record; one that executed nothing (end 0) has neither end nor duration."""
    shown = {name: value for name, value in record.items() if name not in _STORE_FIELDS}
    shown["response"] = shown_response(record.get("response", {}))
    if not record.get("end"):
        shown.pop("end", None)
        shown.pop("duration", None)
    elif shown.get("duration") is None:
        shown["duration"] = record["end"] - record.get("start", record["end"])
    return shown


def shown_result(activation: WhiskActivation) -> dict[str, Any]:
    """What a caller who waited gets to see: the record without its logs, but those of a sequence are its parts."""
    shown = shown_record(activation.to_json())
    if activation.annotations.get("kind") != SEQUENCE:
        shown["logs"] = []
    return shown
