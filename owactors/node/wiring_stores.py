"""From settings to the store."""

from __future__ import annotations

from attrs import evolve

from owactors.actor.store import OpenStore
from owactors.core.storepolicy import StoreLevel, StorePolicy
from owactors.node.settings import Settings
from owactors.store.couchdb.settings import CouchSettings
from owactors.store.retention import RetentionSettings


def store_policy(settings: Settings) -> StorePolicy:
    """Which activations leave a record."""
    controller = settings.controller
    return StorePolicy(StoreLevel(controller.store_blocking_results), StoreLevel(controller.store_non_blocking_results))


def couch_settings(settings: Settings) -> CouchSettings | None:
    """Where the CouchDB is; None if the store is another one."""
    return couchdb_of(settings) if settings.store.backend == "couchdb" else None


def couchdb_of(settings: Settings) -> CouchSettings:
    """The CouchDB that the settings name, whatever the store is. ValueError."""
    couchdb = settings.couchdb
    return evolve(
        CouchSettings.of(couchdb.url, couchdb.username, couchdb.password, couchdb.prefix),
        entities_database=couchdb.entities_database,
        subjects_database=couchdb.subjects_database,
        activations_database=couchdb.activations_database,
    )


def open_store_order(settings: Settings, owner: str) -> OpenStore:
    """How a role that is no controller opens the store; old records are the controllers' business."""
    order = store_order(settings)
    return evolve(order, retention=None, couchdb=order.couchdb and evolve(order.couchdb, owner=owner))


def store_order(settings: Settings) -> OpenStore:
    """How a controller opens the store."""
    store = settings.store
    retention = RetentionSettings(max_age=store.max_age, max_bytes=store.max_bytes.bytes)
    return OpenStore(
        store.backend, str(settings.node.data_dir), store_policy(settings), retention, couch_settings(settings)
    )
