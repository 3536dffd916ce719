"""The views: which rows a document appears in, and what the rows say.

The same functions feed every back end of our own; CouchDB has them as map functions
(OpenWhisk, whisks_design_document_for_entities_db_v2.1.0.json and auth_index.json).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from attrs import frozen

Json = dict[str, Any]

ENTITY_COLLECTIONS = frozenset({"actions", "packages", "packages-public", "bindings", "triggers", "rules"})

_COMMON = ("namespace", "name", "version", "publish", "annotations")


@frozen
class Row:
    """One row of a view: found under `key` in `collection`, ordered by `order`."""

    collection: str
    key: str
    order: int
    #: None: the row stands for the whole document
    value: Json | None


Emissions = Callable[[Json], Iterator[Row]]


def entity_rows(document: Json) -> Iterator[Row]:
    """Rows of a document of the database `whisks`, its `_id` included."""
    if "exec" in document:
        yield from _under_both(document, "actions", _action_summary(document))
    elif "binding" in document:
        yield from _package_rows(document)
    elif "trigger" in document:
        yield from _under_both(document, "rules", None)
    elif "parameters" in document:
        yield from _under_both(document, "triggers", _summary(document))


def _under_both(document: Json, collection: str, value: Json | None) -> Iterator[Row]:
    """Under its namespace, and under the root of it when the entity is in a package."""
    namespace = str(document.get("namespace", ""))
    updated = _updated(document)
    yield Row(collection, namespace, updated, value)
    root, slash, _ = namespace.partition("/")
    if slash:
        yield Row(collection, root, updated, value)


def _package_rows(document: Json) -> Iterator[Row]:
    binding = document["binding"] or False
    value = {**_summary(document), "binding": binding}
    namespace, updated = str(document.get("namespace", "")), _updated(document)
    yield Row("packages", namespace, updated, value)
    if binding:
        yield Row("bindings", namespace, updated, value)
    elif document.get("publish"):
        yield Row("packages-public", namespace, updated, value)


def _updated(document: Json) -> int:
    updated = document.get("updated")
    return int(updated) if isinstance(updated, int | float) else 0


def _summary(document: Json) -> Json:
    summary = {field: document[field] for field in _COMMON if field in document}
    summary["updated"] = document.get("updated")
    return summary


def _action_summary(document: Json) -> Json:
    executable = document["exec"]
    binary = isinstance(executable, dict) and bool(executable.get("binary"))
    return {**_summary(document), "limits": document.get("limits"), "exec": {"binary": binary}}


def subject_rows(document: Json) -> Iterator[Row]:
    """Rows of a document of the database `subjects`: identities, blocked namespaces, the subjects' names."""
    if "subject" in document:
        yield Row("subjects", "", 0, None)
        for namespace in document.get("namespaces") or ():
            yield from _identity_rows(document, namespace)
    elif str(document.get("_id", "")).endswith("/limits") and _allows_nothing(document):
        yield _blocked_row(str(document["_id"]).removesuffix("/limits"))


def _identity_rows(document: Json, namespace: Json) -> Iterator[Row]:
    name, uuid, key = (str(namespace.get(field, "")) for field in ("name", "uuid", "key"))
    if document.get("blocked"):
        yield _blocked_row(name)
        return
    value = {"subject": document["subject"], "namespace": name, "uuid": uuid, "key": key}
    yield Row("identities", name_key(name), 0, value)
    yield Row("identities", pair_key(uuid, key), 0, value)


def name_key(namespace: str) -> str:
    """Where the identities of a namespace are found."""
    return f"name {namespace}"


def pair_key(uuid: str, key: str) -> str:
    """Where the identities of a pair are found."""
    return f"pair {uuid}:{key}"


def _allows_nothing(limits: Json) -> bool:
    return any(limits.get(field) == 0 for field in ("concurrentInvocations", "invocationsPerMinute"))


def _blocked_row(namespace: str) -> Row:
    return Row("blocked", "", 0, {"namespace": namespace})
