"""The settings of a node: `load()` is the one place that reads them.

Order, later wins: packaged defaults, the user's file, OWACTORS_SECTION_KEY, OpenWhisk's own names,
the command line.
Unknown keys and bad values raise a SettingsError that says what would be right.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
from attrs import frozen

from owactors.core.parameterencryption import BadKey, read_keys
from owactors.entity.instance import ControllerInstanceId
from owactors.node import settings_openwhisk, settings_sources
from owactors.node.settings_errors import BadSetting, SettingsError, UnknownSetting, UnreadableSettings
from owactors.node.settings_sources import Found, Table
from owactors.node.settings_tree import Settings
from owactors.node.settings_values import READERS, show
from owactors.store.couchdb.settings import CouchSettings

__all__ = [
    "BadSetting",
    "Effective",
    "Settings",
    "SettingsError",
    "UnknownSetting",
    "UnreadableSettings",
    "effective",
    "load",
    "runtimes_manifest",
]

_ORDERED = ("memory", "time", "logs", "concurrency")
_DATABASE = re.compile(r"([a-z][a-z0-9_$()+-]*)?")
_HOST = re.compile(r"\S+:\d+")
_NAME = re.compile(r"[A-Za-z0-9._-]{1,100}")
_LEVELS = ("debug", "info", "warning", "error")


@frozen
class Effective:
    """One line of `owactors config`: a setting as it holds. Secrets are hidden."""

    key: str
    value: Any
    origin: str


def load(
    config_file: Path | None = None,
    overrides: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """The settings that hold. `overrides` are options of the command line, "section.key" -> raw value."""
    environ = os.environ if environ is None else environ
    table = settings_sources.from_defaults()
    known = tuple(table)
    file = settings_sources.user_file(config_file, environ)
    table.update(settings_sources.from_file(file, known))
    table.update(settings_sources.from_environment(environ, known))
    table.update(settings_sources.from_command_line(overrides or {}, known))
    _choose_transport(table)
    settings = _build(table, settings_openwhisk.unknown(environ))
    _check_together(settings)
    return settings


def _choose_transport(table: Table) -> None:
    """Whoever names brokers wants them used."""
    origin, _ = table["kafka.hosts"]
    if origin != "default" and table["cluster.transport"][0] == "default":
        table["cluster.transport"] = (origin, "kafka")


def _build(table: Table, ignored: tuple[str, ...]) -> Settings:
    sections = {
        section.name: _section_class(section)(
            **{key.name: _read(f"{section.name}.{key.name}", key, table) for key in _keys(section)}
        )
        for section in _sections()
    }
    origins = {key: origin for key, (origin, _) in table.items()}
    return Settings(**sections, origins=origins, ignored=ignored)


def _sections() -> list[attrs.Attribute[Any]]:
    """The attributes of Settings that are sections, their types resolved."""
    attrs.resolve_types(Settings)
    return [part for part in attrs.fields(Settings) if attrs.has(part.type or object)]


def _section_class(section: attrs.Attribute[Any]) -> Any:
    return section.type


def _keys(section: attrs.Attribute[Any]) -> tuple[attrs.Attribute[Any], ...]:
    keys: tuple[attrs.Attribute[Any], ...] = attrs.fields(_section_class(section))
    return keys


def _read(name: str, key: attrs.Attribute[Any], table: Table) -> Any:
    """The typed value of one setting, within its bounds."""
    found = table[name]
    try:
        value = READERS[str(key.type)](found[1])
    except ValueError as problem:
        raise _bad(name, found, str(problem), key) from problem
    expected = _out_of_bounds(value, key.metadata)
    if expected:
        raise _bad(name, found, expected, key)
    return value


def _bad(name: str, found: Found, expected: str, key: attrs.Attribute[Any]) -> BadSetting:
    shown = "***" if key.metadata.get("secret") else found[1]
    return BadSetting(found[0], name, shown, expected)


def _out_of_bounds(value: Any, metadata: Mapping[Any, Any]) -> str | None:
    """What would be right, or None if the value is."""
    choices = metadata.get("choices")
    if choices and value not in choices:
        return "one of " + ", ".join(choices)
    least, most = metadata.get("at_least"), metadata.get("at_most")
    if least is not None and (value < least or (most is not None and value > most)):
        return f"at least {least}" if most is None else f"{least} to {most}"
    return None


def _check_together(settings: Settings) -> None:
    """What no single value shows: minimum <= default <= maximum, keys for the encryption chosen."""
    for name in _ORDERED:
        _check_ordered(settings, name)
    if settings.limits.memory_min > settings.containers.user_memory:
        _refuse(settings, "containers.user_memory", "at least limits.memory_min, or no action can run")
    if settings.controller.default_list_limit > settings.controller.max_list_limit:
        _refuse(settings, "controller.default_list_limit", "at most controller.max_list_limit")
    for component, level in settings.logging.levels.items():
        if level not in _LEVELS:
            _refuse(settings, "logging.levels", f"one of {', '.join(_LEVELS)} for {component}")
    for setting, length in (("aes_128", 16), ("aes_256", 32)):
        _check_encryption_key(settings, setting, length)
    if settings.logs.store == "driver" and settings.containers.backend != "docker":
        _refuse(settings, "logs.store", "record, file or out-of-band: only Docker containers have a log driver")
    if not all("=" in text for text in settings.docker.log_options):
        _refuse(settings, "docker.log_options", "a list of name=value")
    _check_couchdb(settings)
    _check_cluster(settings)


def _check_ordered(settings: Settings, name: str) -> None:
    least, usual, most = (getattr(settings.limits, f"{name}_{part}") for part in ("min", "default", "max"))
    if not least <= most:
        _refuse(settings, f"limits.{name}_max", f"at least limits.{name}_min")
    if not least <= usual <= most:
        _refuse(settings, f"limits.{name}_default", f"a value from limits.{name}_min to limits.{name}_max")


def _check_encryption_key(settings: Settings, setting: str, length: int) -> None:
    storage = settings.parameter_storage
    text = getattr(storage, setting)
    needed = storage.current == setting.replace("_", "-")
    try:
        sizes = {len(key) for key in read_keys(text)}
    except BadKey:
        sizes = {-1}
    if sizes != {length} and (text or needed):
        _refuse(settings, f"parameter_storage.{setting}", f"{length} bytes in base64")


def _check_couchdb(settings: Settings) -> None:
    try:
        given = CouchSettings.of(settings.couchdb.url)
    except ValueError:
        given = None
    if given is None or given.username:
        _refuse(settings, "couchdb.url", "a URL such as http://127.0.0.1:5984, user and password in keys of their own")
    for key in ("prefix", "entities_database", "subjects_database", "activations_database"):
        if not _DATABASE.fullmatch(getattr(settings.couchdb, key)):
            _refuse(settings, f"couchdb.{key}", "small letters, digits and _$()+-, the first one a letter, or empty")


def _check_cluster(settings: Settings) -> None:
    try:
        ControllerInstanceId(settings.controller.id)
    except ValueError:
        _refuse(settings, "controller.id", "letters, digits, dot, underscore and dash, at most 128 of them")
    if not settings.kafka.hosts or not all(_HOST.fullmatch(host) for host in settings.kafka.hosts):
        _refuse(settings, "kafka.hosts", "host:port, several with commas between them")
    if not all(_HOST.fullmatch(host) for host in settings.cluster.join):
        _refuse(settings, "cluster.join", "host:port, several with commas between them")
    if not _HOST.fullmatch(settings.cluster.listen):
        _refuse(settings, "cluster.listen", "host:port")
    if settings.node.name and not _NAME.fullmatch(settings.node.name):
        _refuse(settings, "node.name", "letters, digits, dot, underscore and dash, at most 100 of them")


def _refuse(settings: Settings, key: str, expected: str) -> None:
    value = next(line.value for line in effective(settings) if line.key == key)
    raise BadSetting(settings.origins[key], key, value, expected)


def effective(settings: Settings) -> list[Effective]:
    """Every setting as it holds, in the order of config/owactors.toml, with its origin."""
    lines = []
    for section in _sections():
        for key in _keys(section):
            name = f"{section.name}.{key.name}"
            value = show(str(key.type), getattr(getattr(settings, section.name), key.name))
            hidden = key.metadata.get("secret") and value
            lines.append(Effective(name, "***" if hidden else value, settings.origins[name]))
    return lines


def runtimes_manifest(settings: Settings) -> str:
    """The JSON text of the runtimes manifest: the text or file of node.runtimes, or the packaged one."""
    chosen = settings.node.runtimes.strip()
    if not chosen:
        return settings_sources.default_text("runtimes.json")
    if chosen.startswith("{"):
        return chosen
    try:
        return Path(chosen).expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        origin = settings.origins["node.runtimes"]
        raise BadSetting(origin, "node.runtimes", chosen, "a manifest file that can be read, or JSON text") from problem
