"""Documents to bytes and back, without loss where CouchDB or the JavaScript of its views cannot hold a value.

Integers beyond 53 bits and lone surrogates are rare, but legal in results and parameters. A document with such
values has them once more in `owactors_exact`, as JSON text; other readers, OpenWhisk included, pass over it and see
the nearest values there are.
"""

from __future__ import annotations

import json
import re
from typing import Any

import orjson

from owactors.store.document import decode

Json = dict[str, Any]

EXACT = "owactors_exact"
_MAY_BE_LONG = re.compile(rb"\d{16}")


def document_bytes(document: Json) -> bytes:
    """The JSON of a document for CouchDB; what begins with `_` is CouchDB's own."""
    try:
        return orjson.dumps(document, option=orjson.OPT_STRICT_INTEGER)
    except TypeError:
        exact = json.dumps({field: value for field, value in document.items() if not field.startswith("_")})
        return json.dumps({**_nearest(document), EXACT: exact}, separators=(",", ":")).encode()


def record_bytes(head: Json, record: bytes) -> bytes:
    """The JSON of the document `head` + `record`; the record is encoded already, and is not decoded as a rule."""
    if record[:1] == b"{" and not _MAY_BE_LONG.search(record):
        return orjson.dumps(head)[:-1] + b"," + record[1:]
    return document_bytes({**head, **decode(record)})


def exact_document(document: Json) -> Json:
    """The document as it was handed in, CouchDB's own fields included."""
    exact = document.get(EXACT)
    if not isinstance(exact, str):
        return document
    return {**{field: value for field, value in document.items() if field.startswith("_")}, **json.loads(exact)}


def _nearest(value: Any) -> Any:
    """The value with surrogates that stand alone replaced."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {_nearest(key): _nearest(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_nearest(one) for one in value]
    return value
