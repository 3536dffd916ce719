"""A record that is too large for this CouchDB becomes a smaller one that says so: better than none."""

from __future__ import annotations

from typing import Any

from owactors.message.store import RecordEntry
from owactors.store.document import decode
from owactors.store.record import entry_of

Json = dict[str, Any]


def smaller(entry: RecordEntry) -> RecordEntry | None:
    """The record without its logs, then without its result; None: it has neither, and cannot become smaller."""
    record: Json = decode(entry.record)
    said = f"left out: the record of {entry.size} bytes is larger than this CouchDB takes (max_document_size)"
    logs = record.get("logs")
    if logs and not (len(logs) == 1 and "left out: the record" in str(logs[0])):
        return entry_of({**record, "logs": [f"{len(logs)} lines {said}"]})
    response = record.get("response")
    if isinstance(response, dict) and "left out: the record" not in str(response.get("result")):
        return entry_of({**record, "response": {**response, "result": {"error": f"Result {said}"}}})
    return None
