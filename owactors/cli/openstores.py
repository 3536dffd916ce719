"""Stores that a command opens by itself, from the settings or from a place given on the command line."""

from __future__ import annotations

from pathlib import Path

from owactors.cli.failure import USAGE, Failure
from owactors.node.settings import Settings
from owactors.store.couchdb.settings import CouchSettings
from owactors.store.open import open_store
from owactors.store.port import Store

PLACES = "sqlite, sqlite:FOLDER, couchdb or couchdb:URL"


def couch_of(settings: Settings, url: str = "") -> CouchSettings:
    """The CouchDB of the settings, or the one at `url`, in which user, password and #prefix may stand."""
    from owactors.node.wiring_stores import couchdb_of

    address, _, prefix = url.partition("#")
    try:
        if address:
            return CouchSettings.of(address, prefix=prefix or settings.couchdb.prefix)
        known = couchdb_of(settings)
        return CouchSettings.of(known.url, known.username, known.password, prefix) if prefix else known
    except ValueError as problem:
        raise Failure(f"{problem}.", USAGE) from problem


def place_of(settings: Settings, place: str) -> str | CouchSettings:
    """What `place` stands for: a folder's name, or a CouchDB."""
    backend, _, where = place.partition(":")
    if backend == "sqlite":
        return str(Path(where).expanduser().resolve()) if where else str(settings.node.data_dir)
    if backend == "couchdb":
        return couch_of(settings, where)
    raise Failure(f"{place} is not the place of a store: give {PLACES}.", USAGE)


def open_place(place: str | CouchSettings) -> Store:
    """Opens it. StoreUnavailable; blocks shortly."""
    if isinstance(place, CouchSettings):
        return open_store("couchdb", Path(), place)
    return open_store("sqlite", Path(place))
