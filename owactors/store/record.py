"""An activation record on its way into a store: checked, encoded once, with what it is found by."""

from __future__ import annotations

from typing import Any

from owactors.message.store import RecordEntry
from owactors.store.document import decode, encode

Json = dict[str, Any]

#: fields that CouchDB documents have beside the record
_DOCUMENT_ONLY = frozenset({"_id", "_rev", "entityType", "updated"})
_SUMMARY = ("namespace", "name", "version", "publish", "annotations", "activationId", "start")
_LARGEST = 2**63


def matches(entry: RecordEntry, namespace: str, name: str | None, since: int | None, upto: int | None) -> bool:
    """True if a list with these bounds shows it."""
    return (
        entry.namespace == namespace
        and (name is None or entry.filter == name)
        and (since is None or entry.start >= since)
        and (upto is None or entry.start <= upto)
    )


def row_of(entry: RecordEntry, docs: bool) -> Json:
    """What a list shows of it: the whole record or the summary."""
    row: Json = decode(entry.record if docs else entry.summary)
    return row


def entry_of(record: Json) -> RecordEntry:
    """Checks and encodes. ValueError names the field that is missing or wrong."""
    namespace, activation_id = _text(record, "namespace"), _text(record, "activationId")
    name, start = _text(record, "name"), record.get("start")
    if type(start) is not int or not -_LARGEST <= start < _LARGEST:
        raise ValueError(f"activation record {activation_id}: start must be epoch milliseconds, not {start!r}")
    if not _DOCUMENT_ONLY.isdisjoint(record):
        record = {field: value for field, value in record.items() if field not in _DOCUMENT_ONLY}
    found_by = _storable(filter_of(name, record.get("annotations") or ()), "annotations")
    return RecordEntry(namespace, activation_id, start, found_by, encode(summary_of(record)), encode(record))


def _text(record: Json, field: str) -> str:
    value = record.get(field)
    if not isinstance(value, str) or not value:
        raise ValueError(f"activation record: {field} must be a text that is not empty, not {value!r}")
    return _storable(value, field)


def _storable(value: str, field: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError(f"activation record: {field} is not valid Unicode: {value!r}") from None
    return value


def summary_of(record: Json) -> Json:
    """The row of the view `activations`: `end`, `duration`, `statusCode` only of what has ended."""
    summary = {field: record[field] for field in _SUMMARY if field in record}
    end = record.get("end")
    if end:
        summary["end"] = end
        summary["duration"] = end - record["start"]
        summary["statusCode"] = (record.get("response") or {}).get("statusCode", 0)
    if "cause" in record:
        summary["cause"] = record["cause"]
    return summary


def filter_of(name: str, annotations: Any) -> str:
    """`package/action` when the record's annotations tell of a binding or a package, else the name.

    (OpenWhisk, whisks_design_document_for_activations_db_filters_v2.1.1.json.)
    """
    path = binding = None
    for annotation in annotations:
        if annotation.get("key") == "path":
            path = annotation.get("value")
        elif annotation.get("key") == "binding":
            binding = annotation.get("value")
    if isinstance(binding, str) and "/" in binding:
        return f"{binding.split('/')[1]}/{name}"
    segments = path.split("/") if isinstance(path, str) else ()
    return f"{segments[1]}/{segments[2]}" if len(segments) == 3 else name
