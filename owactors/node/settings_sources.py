"""Where settings come from: the packaged defaults, a user's file, the environment, the command line.

Each source becomes a flat table "section.key" -> (origin, raw value); later tables win.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from owactors.node import settings_openwhisk
from owactors.node.settings_errors import UnknownSetting, UnreadableSettings

Found = tuple[str, Any]
Table = dict[str, Found]

DEFAULTS = "owactors.defaults"
PREFIX = "OWACTORS_"
#: Variables with our prefix that are no settings of a node: the client's, and those of tests.
NOT_SETTINGS = ("OWACTORS_APIHOST", "OWACTORS_AUTH", "OWACTORS_CONFIG", "OWACTORS_TEST_")


def default_text(name: str) -> str:
    """The text of a packaged default file: owactors.toml or runtimes.json."""
    return resources.files(DEFAULTS).joinpath(name).read_text(encoding="utf-8")


def parse_toml(where: str, text: str) -> Table:
    """The flat table of a settings file; `where` names it in errors and origins."""
    try:
        sections = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise UnreadableSettings(where, f"this is not TOML: {problem}") from problem
    table: Table = {}
    for section, keys in sections.items():
        if not isinstance(keys, Mapping):
            raise UnreadableSettings(where, f"{section} stands outside a section; write [section] above it")
        table.update({f"{section}.{key}": (where, value) for key, value in keys.items()})
    return table


def from_defaults() -> Table:
    """Every setting there is."""
    return {key: ("default", value) for key, (_, value) in parse_toml("default", default_text("owactors.toml")).items()}


def user_file(config_file: Path | None, environ: Mapping[str, str]) -> Path | None:
    """The settings file to read: the one named, or the usual one if it exists."""
    if config_file is not None:
        return config_file.expanduser()
    if "OWACTORS_CONFIG" in environ:
        return Path(environ["OWACTORS_CONFIG"]).expanduser()
    base = environ.get("XDG_CONFIG_HOME") or "~/.config"
    usual = Path(base).expanduser() / "owactors" / "owactors.toml"
    return usual if usual.is_file() else None


def from_file(path: Path | None, known: Iterable[str]) -> Table:
    """What a user's file sets; no file sets nothing. A file that was named must be there."""
    if path is None:
        return {}
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        reason = getattr(problem, "strerror", None) or str(problem)
        raise UnreadableSettings(str(path), f"the settings file cannot be read: {reason}") from problem
    return checked(parse_toml(str(path), text), known)


def checked(table: Table, known: Iterable[str]) -> Table:
    """The table itself, if every key exists."""
    names = set(known)
    for key, (where, _) in table.items():
        if key not in names:
            raise UnknownSetting(where, key, names)
    return table


def variable(key: str) -> str:
    """The environment variable of a setting: "node.port" -> OWACTORS_NODE_PORT."""
    return PREFIX + key.replace(".", "_").upper()


def from_environment(environ: Mapping[str, str], known: Iterable[str]) -> Table:
    """What OWACTORS_… and OpenWhisk's names in the environment set; the latter win."""
    keys = {variable(key): key for key in known}
    table: Table = {}
    for name, value in environ.items():
        if name in keys:
            table[keys[name]] = (f"environment {name}", value)
        elif name.startswith(PREFIX) and not name.startswith(NOT_SETTINGS):
            raise UnknownSetting("environment", name, keys)
    for key, (name, value) in settings_openwhisk.translated(environ).items():
        table[key] = (f"environment {name}", value)
    return table


def from_command_line(overrides: Mapping[str, Any], known: Iterable[str]) -> Table:
    """What options set; None means that the option was not given."""
    given = {key: ("command line", value) for key, value in overrides.items() if value is not None}
    return checked(given, known)
