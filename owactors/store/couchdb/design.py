"""The design documents: OpenWhisk's by its names, and one of our own in each database for what it has no view for.

The version of a design document is part of its name. Ours carry `owactors`, a number that is raised with each change
of their text; those that somebody else wrote under OpenWhisk's names do not, and are left as they are if they have
the views. The functions are ECMAScript 5, which every CouchDB since 1.6 runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from owactors.store.couchdb.mapfunctions import (
    ACTIONS,
    ACTIVATIONS,
    ACTIVATIONS_BY_FILTER,
    BINDINGS,
    BLOCKED_NAMESPACES,
    BY_DATE,
    BY_DATE_WITH_LOGS,
    IDENTITIES,
    PACKAGES,
    PUBLIC_PACKAGES,
    RULES,
    SIZES,
    SUBJECTS,
    TRIGGERS,
    WITHOUT_DELETED_AND_DESIGN,
)

Json = dict[str, Any]
Design = Mapping[str, Json]

#: raised when the text of any of these changes
VERSION = 1
#: the field that holds it
MARK = "owactors"


def _views(**views: tuple[str, str | None]) -> Json:
    return {
        name.replace("__", "-"): {"map": function, **({"reduce": reduce} if reduce else {})}
        for name, (function, reduce) in views.items()
    }


_SNAPSHOT: Json = {"filters": {"withoutDeletedAndDesignDocuments": WITHOUT_DELETED_AND_DESIGN}}

ENTITIES: Design = {
    "whisks.v2.1.0": {
        "views": _views(
            actions=(ACTIONS, "_count"),
            packages=(PACKAGES, "_count"),
            packages__public=(PUBLIC_PACKAGES, "_count"),
            rules=(RULES, "_count"),
            triggers=(TRIGGERS, "_count"),
        )
    },
    "owactors.v1": {"views": _views(bindings=(BINDINGS, "_count"))},
    "snapshotFilters": _SNAPSHOT,
}

SUBJECTS_DATABASE: Design = {
    "subjects.v2.0.0": {"views": _views(identities=(IDENTITIES, None))},
    "namespaceThrottlings": {"views": _views(blockedNamespaces=(BLOCKED_NAMESPACES, "_sum"))},
    "owactors.v1": {"views": _views(subjects=(SUBJECTS, None))},
    "snapshotFilters": _SNAPSHOT,
}

ACTIVATIONS_DATABASE: Design = {
    "whisks.v2.1.0": {"views": _views(activations=(ACTIVATIONS, "_count"))},
    "whisks-filters.v2.1.1": {"views": _views(activations=(ACTIVATIONS_BY_FILTER, "_count"))},
    "activations": {"views": _views(byDate=(BY_DATE, None))},
    "logCleanup": {"views": _views(byDateWithLogs=(BY_DATE_WITH_LOGS, None))},
    "owactors.v1": {"views": _views(sizes=(SIZES, "_stats"))},
    "snapshotFilters": _SNAPSHOT,
}


def document_of(name: str, content: Json) -> Json:
    """The design document as it is written first."""
    return {"_id": f"_design/{name}", "language": "javascript", MARK: VERSION, **content}


def replacement(wanted: Json, current: Json | None) -> Json | None:
    """What to write so that the database has `wanted`; None: it has it already.

    One of ours is replaced when its text differs, unless a newer owactors wrote it. One of somebody else's stays;
    only views and filters that it lacks are added.
    """
    if current is None:
        return wanted
    if MARK in current:
        newer = isinstance(current[MARK], int) and current[MARK] > VERSION
        same = {field: value for field, value in current.items() if field != "_rev"} == wanted
        return None if newer or same else {**wanted, "_rev": current["_rev"]}
    completed = dict(current)
    for part in ("views", "filters"):
        if missing := wanted.get(part, {}).keys() - current.get(part, {}).keys():
            completed[part] = {**current.get(part, {}), **{name: wanted[part][name] for name in missing}}
    return completed if completed != current else None
