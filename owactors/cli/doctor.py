"""`owactors doctor`: does this machine have what a node needs?"""

from __future__ import annotations

from pathlib import Path

import attrs
import click

from owactors.cli.checks import NOTE, OK, PROBLEM, Check, all_checks
from owactors.cli.nodesettings import load_settings, settings_options
from owactors.cli.output import json_option, write_json

_COLOURS = {OK: "green", NOTE: "yellow", PROBLEM: "red"}


@click.command()
@settings_options
@json_option
def doctor(config_file: Path | None, set_: tuple[str, ...], as_json: bool) -> None:
    """Look at this machine and say what is missing and what to do.

    Ends with 1 if something keeps a node from working; notes are things that work less well.
    """
    found = list(all_checks(load_settings(config_file, set_)))
    if as_json:
        write_json([attrs.asdict(check) for check in found])
    else:
        for check in found:
            _show(check)
    if any(check.status == PROBLEM for check in found):
        raise click.exceptions.Exit(1)


def _show(check: Check) -> None:
    click.echo(f"{click.style(f'{check.status:8}', fg=_COLOURS[check.status])} {check.name}: {check.text}")
    if check.advice:
        click.echo(f"{'':8} {check.advice}")
