"""Makes the databases and their design documents, with the package `couchdb`. Blocks; for starts and commands.

Nothing that is there is lost: what exists is kept, and completed where it must be.
"""

from __future__ import annotations

import http.client
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from attrs import frozen

from owactors.message.store import StoreUnavailable
from owactors.store.couchdb.design import (
    ACTIVATIONS_DATABASE,
    ENTITIES,
    SUBJECTS_DATABASE,
    Design,
    document_of,
    replacement,
)
from owactors.store.couchdb.settings import CouchSettings

Json = dict[str, Any]


@frozen
class Initialised:
    """What was missing and is there now."""

    databases: tuple[str, ...] = ()
    #: `database/design document`, made or brought up to date
    designs: tuple[str, ...] = ()


def initialise(settings: CouchSettings) -> Initialised:
    """StoreUnavailable: the package or the server is missing, or the user may not do what has to be done."""
    try:
        import couchdb
    except ImportError:
        raise StoreUnavailable(
            "the CouchDB store needs the Python package couchdb: pip install 'owactors[couchdb]'"
        ) from None
    server = couchdb.Server(_address(settings), session=couchdb.Session(timeout=settings.timeout))
    try:
        return _complete(server, settings)
    except couchdb.http.HTTPError as refusal:
        raise StoreUnavailable(_refusal(refusal, settings)) from refusal
    except (OSError, http.client.HTTPException, ValueError, AttributeError, couchdb.http.RedirectLimit) as error:
        # AttributeError: the package's way of meeting an error it cannot read.
        raise StoreUnavailable(f"CouchDB at {settings.url} does not answer: {error}") from error


def _refusal(refusal: Exception, settings: CouchSettings) -> str:
    """In a bulk write what is not allowed is told in words only."""
    if not any(word in repr(refusal).lower() for word in ("unauthorized", "forbidden")):
        return f"CouchDB at {settings.url} refuses to be set up: {refusal}"
    return (
        f"CouchDB at {settings.url} does not let {settings.username or 'a user without name'} make databases and "
        f"design documents ({refusal}): run `owactors store init` with an administrator's couchdb.username and "
        "couchdb.password"
    )


def _address(settings: CouchSettings) -> str:
    if not settings.username:
        return settings.url
    parts = urlsplit(settings.url)
    pair = f"{quote(settings.username, safe='')}:{quote(settings.password, safe='')}"
    return urlunsplit(parts._replace(netloc=f"{pair}@{parts.netloc}"))


def _complete(server: Any, settings: CouchSettings) -> Initialised:
    wanted: dict[str, Design] = {
        settings.entities: ENTITIES,
        settings.subjects: SUBJECTS_DATABASE,
        settings.activations: ACTIVATIONS_DATABASE,
    }
    made = tuple(name for name in wanted if _make(server, name))
    designs = tuple(
        f"{name}/{changed}" for name, design in wanted.items() for changed in _bring_up_to_date(server, name, design)
    )
    return Initialised(made, designs)


def _make(server: Any, name: str) -> bool:
    """True if the database was missing."""
    from couchdb.http import PreconditionFailed

    if name in server:
        return False
    try:
        server.create(name)
    except PreconditionFailed:
        return False  # somebody else was faster
    return True


def _bring_up_to_date(server: Any, name: str, design: Design) -> list[str]:
    """Names of the design documents that were written."""
    database = server[name]
    ids = [f"_design/{one}" for one in design]
    current = {row.id: row.doc for row in database.view("_all_docs", keys=ids, include_docs=True) if row.get("doc")}
    changes = [
        change
        for one, content in design.items()
        if (change := replacement(document_of(one, content), _plain(current.get(f"_design/{one}")))) is not None
    ]
    outcomes = database.update(changes) if changes else []
    return [str(doc_id).removeprefix("_design/") for success, doc_id, outcome in outcomes if _written(success, outcome)]


def _plain(document: Any) -> Json | None:
    return None if document is None else dict(document)


def _written(success: bool, outcome: Any) -> bool:
    """False: another process wrote the same design document at the same moment. Raises what else was refused."""
    from couchdb.http import ResourceConflict

    if not success and not isinstance(outcome, ResourceConflict):
        raise outcome
    return success
