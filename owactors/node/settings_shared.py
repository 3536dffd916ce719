"""The settings that all hosts of a cluster have in common: a host that joins learns them from the one it joins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs
from attrs import evolve

from owactors.node.settings import Settings, runtimes_manifest
from owactors.node.settings_values import READERS, show

#: whole sections, and single keys
SECTIONS = ("limits", "parameter_storage", "couchdb", "store")
KEYS = (
    "node.runtimes",
    "cluster.http_first",
    "cluster.http_queue",
    "kafka.topics_prefix",
    "kafka.user_events_prefix",
    "kafka.delivery",
    "kafka.user_events",
    "controller.blocking_wait",
    "controller.transaction_header",
    "controller.max_list_limit",
    "controller.default_list_limit",
    "controller.timeout_factor",
    "controller.timeout_addon",
    "controller.store_blocking_results",
    "controller.store_non_blocking_results",
    "controller.managed_fraction",
    "controller.blackbox_fraction",
    "controller.health_kind",
    "controller.load_balancer",
    "invoker.api_host",
)
ORIGIN = "the cluster"


def shared(settings: Settings) -> dict[str, Any]:
    """ "section.key" to its value as one writes it in a settings file; secrets are not hidden."""
    found = {name: show(kind, getattr(getattr(settings, section), key)) for name, section, key, kind in _all(settings)}
    return {**found, "node.runtimes": runtimes_manifest(settings)}


def with_shared(settings: Settings, table: Mapping[str, Any]) -> Settings:
    """These settings with what the cluster says; keys that are not shared are passed over. ValueError."""
    changed: dict[str, dict[str, Any]] = {}
    for name, section, key, kind in _all(settings):
        if name in table:
            changed.setdefault(section, {})[key] = READERS[kind](table[name])
    sections: dict[str, Any] = {name: evolve(getattr(settings, name), **keys) for name, keys in changed.items()}
    origins = {**settings.origins, **{name: ORIGIN for name in table if name in settings.origins}}
    return evolve(settings, **sections, origins=origins)


def contradicted(settings: Settings, table: Mapping[str, Any]) -> list[str]:
    """The keys that this host sets and the cluster has otherwise."""
    said, origins = shared(settings), settings.origins
    return sorted(name for name in table if origins.get(name, "default") != "default" and said[name] != table[name])


def _all(settings: Settings) -> Iterator[tuple[str, str, str, str]]:
    """Name, section, key and kind of each shared setting."""
    for section in attrs.fields(Settings):
        for key in attrs.fields(type(getattr(settings, section.name))) if _is_section(settings, section.name) else ():
            name = f"{section.name}.{key.name}"
            if section.name in SECTIONS or name in KEYS:
                yield name, section.name, key.name, str(key.type)


def _is_section(settings: Settings, name: str) -> bool:
    return attrs.has(type(getattr(settings, name)))
