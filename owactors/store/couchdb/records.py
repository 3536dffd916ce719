"""Records and acceptances as documents of the activations database.

An acceptance is a document of its own, which OpenWhisk's views pass over since it has no `activationId`:
`{"_id": "acceptance:<namespace>/<activation id>", "entityType": "owactors.acceptance", "namespace", "activation",
"message": base64, "acceptedAt", "owner"}`. No namespace can contain the colon, so that no record has such an id.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from owactors.message.store import Acceptance, RecordEntry
from owactors.store.clock import wall_clock
from owactors.store.couchdb.exact import document_bytes, exact_document, record_bytes
from owactors.store.couchdb.parcel import Key, Parcel

Json = dict[str, Any]

_ACCEPTANCE = "acceptance:"
#: ids of acceptances are between these two; in the order of bytes the semicolon comes next to the colon
ACCEPTANCES = (_ACCEPTANCE, _ACCEPTANCE.replace(":", ";"))
#: fields of the document that the record does not have
_DOCUMENT_ONLY = frozenset({"_id", "_rev", "entityType", "updated"})


def record_id(key: Key) -> str:
    """The document of a record."""
    return f"{key[0]}/{key[1]}"


def acceptance_id(key: Key) -> str:
    """The document of an acceptance."""
    return f"{_ACCEPTANCE}{key[0]}/{key[1]}"


def key_of_acceptance(doc_id: str) -> Key:
    """Namespace and activation id of the acceptance in this document."""
    namespace, _, activation_id = doc_id.removeprefix(_ACCEPTANCE).rpartition("/")
    return namespace, activation_id


def record_parcel(entry: RecordEntry, confirmed: Callable[[str | None], None] | None = None) -> Parcel:
    """The record's document."""
    doc_id = record_id(entry.key)
    head = {"_id": doc_id, "entityType": "activation", "updated": wall_clock()}
    return Parcel(doc_id, record_bytes(head, entry.record), entry=entry, confirmed=confirmed)


def record_of(document: Json) -> Json:
    """The record in a document, ours or OpenWhisk's."""
    return {field: value for field, value in exact_document(document).items() if field not in _DOCUMENT_ONLY}


def acceptance_parcel(
    accepted: Acceptance, owner: str | None, confirmed: Callable[[str | None], None] | None = None
) -> Parcel:
    """The acceptance's document."""
    doc_id = acceptance_id((accepted.namespace, accepted.activation_id))
    document = {
        "_id": doc_id,
        "entityType": "owactors.acceptance",
        "namespace": accepted.namespace,
        "activation": accepted.activation_id,
        "message": base64.b64encode(accepted.message).decode(),
        "acceptedAt": accepted.accepted_at,
        "owner": owner,
    }
    return Parcel(doc_id, document_bytes(document), confirmed=confirmed)


def acceptance_of(document: Json) -> Acceptance:
    """The acceptance in a document."""
    return Acceptance(
        document["activation"],
        document["namespace"],
        base64.b64decode(document["message"]),
        document["acceptedAt"],
    )


def removal(doc_id: str, revision: str) -> bytes:
    """What removes a document in a bulk write."""
    return document_bytes({"_id": doc_id, "_rev": revision, "_deleted": True})
