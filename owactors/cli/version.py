"""`owactors version`."""

from __future__ import annotations

import platform
from importlib.metadata import version as installed_version

import click

from owactors.cli.output import json_option, write_json


@click.command()
@json_option
def version(as_json: bool) -> None:
    """Show the versions of owactors and of what it stands on."""
    versions = {"owactors": installed_version("owactors"), "python": platform.python_version()}
    versions["thespian"] = installed_version("thespian")
    if as_json:
        write_json(versions)
    else:
        click.echo(", ".join(f"{name} {number}" for name, number in versions.items()))
