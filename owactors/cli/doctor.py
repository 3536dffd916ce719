"""`owactors doctor`: does this machine have what a node needs?"""

from __future__ import annotations

from pathlib import Path

import attrs
import click

from owactors.cli.checks import NOTE, OK, PROBLEM, Check, all_checks
from owactors.cli.nodesettings import load_settings, settings_options
from owactors.cli.output import json_option, write_json
from owactors.cli.protections import protections, table

_COLOURS = {OK: "green", NOTE: "yellow", PROBLEM: "red"}


@click.command()
@settings_options
@json_option
def doctor(config_file: Path | None, set_: tuple[str, ...], as_json: bool) -> None:
    """Look at this machine and say what is missing and what to do.

    Then it tries out what would hold an action back, and shows what is on, what is off, and why.

    Ends with 1 if something keeps a node from working; notes are things that work less well.
    """
    settings = load_settings(config_file, set_)
    found = list(all_checks(settings))
    shields = protections(settings)
    if as_json:
        write_json({"checks": [attrs.asdict(c) for c in found], "protections": [attrs.asdict(p) for p in shields]})
    else:
        for check in found:
            _show(check)
        click.echo(f"\nWhat holds an action back ({settings.containers.backend}):")
        for line in table(shields):
            click.echo(f"  {line}")
    if any(check.status == PROBLEM for check in found):
        raise click.exceptions.Exit(1)


def _show(check: Check) -> None:
    click.echo(f"{click.style(f'{check.status:8}', fg=_COLOURS[check.status])} {check.name}: {check.text}")
    if check.advice:
        click.echo(f"{'':8} {check.advice}")
