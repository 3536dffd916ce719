"""`owactors config`: the settings that hold, and where each came from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from owactors.cli.nodesettings import load_settings, settings_options
from owactors.cli.output import json_option, remark, write_json, write_table
from owactors.cli.settingsdoc import page
from owactors.node.settings import effective


@click.command()
@click.option("--changed", is_flag=True, help="Only those that differ from the defaults.")
@click.option("--markdown", is_flag=True, help="The reference of all settings, as in docs/settings.md.")
@settings_options
@json_option
def config(changed: bool, markdown: bool, config_file: Path | None, set_: tuple[str, ...], as_json: bool) -> None:
    """Show the settings of a node as they hold, and where each comes from."""
    if markdown:
        click.echo(page(), nl=False)
        return
    settings = load_settings(config_file, set_)
    lines = [line for line in effective(settings) if not changed or line.origin != "default"]
    if as_json:
        write_json({line.key: {"value": line.value, "origin": line.origin} for line in lines})
        return
    write_table(("setting", "value", "from"), [(line.key, _written(line.value), line.origin) for line in lines])
    for name in settings.ignored:
        remark(f"note: {name} in the environment has no meaning here and is ignored.")


def _written(value: Any) -> str:
    return value if isinstance(value, str) and value else json.dumps(value)
