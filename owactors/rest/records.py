"""Activation records as the API shows them. (OpenWhisk, WhiskActivation.scala, toExtendedJson.)"""

from __future__ import annotations

from typing import Any

from owactors.core.activationrecord import LOGS
from owactors.entity.activation import STATUS_TEXT, SUCCESS, WhiskActivation
from owactors.entity.exec import SEQUENCE

#: The log of a record that was kept elsewhere, where this controller cannot read it.
OUT_OF_BAND = (
    "The log of this activation is kept out of band and cannot be read from here: it is in the log files of its "
    "invoker (logs.folder), or with the log driver of its container engine."
)
_STORE_FIELDS = ("_id", "_rev", "entityType", "updated")


def is_out_of_band(record: dict[str, Any]) -> bool:
    """True if the log was not kept with the record."""
    return any(each["key"] == LOGS and each["value"] == "out_of_band" for each in record.get("annotations", ()))


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
