"""How documents become bytes and get their revisions, the same in every back end of our own."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from typing import Any

import orjson

Json = dict[str, Any]

#: what is never kept inside a document's body
_OUTSIDE = frozenset({"_id", "_rev", "_attachments"})


def encode(value: Any) -> bytes:
    """JSON bytes. What the fast encoder refuses (integers over 64 bits, lone surrogates) begins with a space."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return b" " + json.dumps(value, separators=(",", ":")).encode()


def decode(data: bytes) -> Any:
    """What `encode` was given."""
    if data[:1] == b" ":
        return json.loads(data)
    return orjson.loads(data)


def next_revision(current: str | None) -> str:
    """The revision after `current` (None: the first): `N-` and 32 hex digits that are never used again."""
    generation = int(current.partition("-")[0]) if current else 0
    return f"{generation + 1}-{secrets.token_hex(16)}"


def identity_of(document: Json) -> str:
    """The document's `_id`. ValueError if it has none."""
    doc_id = document.get("_id")
    if not isinstance(doc_id, str) or not doc_id:
        raise ValueError("a document needs an _id, a text that is not empty")
    return doc_id


def body_of(document: Json) -> Json:
    """The document without what is kept beside it: id, revision, attachments."""
    return {field: value for field, value in document.items() if field not in _OUTSIDE}


def kept_attachments(document: Json) -> frozenset[str]:
    """Names of the attachments which an update keeps."""
    return frozenset(document.get("_attachments") or ())


def stub(content_type: str, data: bytes, generation: int) -> Json:
    """What a document says about one of its attachments, in CouchDB's words."""
    digest = hashlib.md5(data, usedforsecurity=False).digest()
    return {
        "content_type": content_type,
        "revpos": generation,
        "digest": "md5-" + base64.b64encode(digest).decode(),
        "length": len(data),
        "stub": True,
    }


def generation_of(revision: str) -> int:
    """The number before the dash."""
    return int(revision.partition("-")[0])


def whole(doc_id: str, revision: str, body: Json, stubs: Json) -> Json:
    """A document as it is handed out."""
    document = {"_id": doc_id, "_rev": revision, **body}
    if stubs:
        document["_attachments"] = stubs
    return document
