"""`owactors explain`: what became of one call, step by step."""

from __future__ import annotations

from typing import Any

import click

from owactors.cli.activations import PATH, last_id
from owactors.cli.client import Client
from owactors.cli.connection import connect, connection_options
from owactors.cli.failure import USAGE, Failure
from owactors.cli.output import json_option, milliseconds, moment, write_json, write_table


@click.command()
@click.argument("activation_id", metavar="[ID]", required=False)
@click.option("--last", is_flag=True, help="The newest call.")
@json_option
@connection_options
def explain(activation_id: str | None, last: bool, as_json: bool, apihost: str | None, auth: str | None) -> None:
    """Tell the story of a call: accepted, placed, container, init, run, logs, stored, with the time of each step.

    The node remembers the steps of its last thousand calls; of older ones their records tell.
    """
    if (activation_id is None) != last:
        raise Failure("give an activation id, or --last for the newest.", USAGE)
    client = Client(connect(apihost, auth))
    story = client.get(f"{PATH}/{activation_id or last_id(client)}/explain")
    if as_json:
        write_json(story)
    else:
        _write(story)


def _write(story: dict[str, Any]) -> None:
    how = story["status"] if story["ended"] else "has not ended, or its record is not kept"
    click.echo(f"{story['activationId']} {story.get('name', '')}: {how}")
    if story["steps"]:
        click.echo(f"began {moment(story['steps'][0]['at'])}")
    write_table(("after", "who", "what"), [_row(step) for step in story["steps"]])


def _row(step: dict[str, Any]) -> tuple[str, ...]:
    return milliseconds(step["after"]), step["who"], step["what"]
