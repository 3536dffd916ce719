"""Settings of a node on the command line: --config, --set and the options that stand for one setting."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from owactors.cli.failure import USAGE, Failure
from owactors.node.settings import Settings, SettingsError, load

Command = TypeVar("Command", bound=Callable[..., Any])


def settings_options(command: Command) -> Command:
    """Adds --config and --set; the command gets them as `config_file` and `set_`."""
    file = click.option(
        "--config", "config_file", type=click.Path(path_type=Path), metavar="FILE", help="Settings file to read."
    )
    single = click.option("--set", "set_", multiple=True, metavar="SECTION.KEY=VALUE", help="Change one setting.")
    return file(single(command))


def load_settings(
    config_file: Path | None, set_: Sequence[str] = (), options: Mapping[str, Any] | None = None
) -> Settings:
    """The settings that hold; Failure with the reason if they are wrong. `options` win over --set."""
    overrides = dict(_split(text) for text in set_)
    overrides.update({key: value for key, value in (options or {}).items() if value is not None})
    try:
        return load(config_file, overrides)
    except SettingsError as problem:
        raise Failure(str(problem), USAGE) from problem


def _split(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise Failure(f"--set {text}: expected section.key=value, such as containers.backend=docker.", USAGE)
    return key.strip(), value.strip()
