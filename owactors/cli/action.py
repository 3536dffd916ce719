"""`owactors action`: list, show and delete actions."""

from __future__ import annotations

import click

from owactors.cli.activation import annotation
from owactors.cli.client import Client, entity_path
from owactors.cli.connection import connect, connection_options
from owactors.cli.output import done, json_option, moment, write_json, write_table


@click.group()
def action() -> None:
    """List, show and delete actions."""


@action.command("list")
@json_option
@connection_options
def list_command(as_json: bool, apihost: str | None, auth: str | None) -> None:
    """Show all actions of the namespace."""
    found = Client(connect(apihost, auth)).get("namespaces/_/actions", {"limit": 0, "skip": 0})
    if as_json:
        write_json(found)
        return
    rows = [
        (f"/{one['namespace']}/{one['name']}", str(annotation(one, "exec")), one["version"], moment(one["updated"]))
        for one in found
    ]
    write_table(("action", "kind", "version", "updated"), rows)


@action.command("get")
@click.argument("name")
@click.option("--code", is_flag=True, help="With its code.")
@connection_options
def get_command(name: str, code: bool, apihost: str | None, auth: str | None) -> None:
    """Write an action's document, as JSON."""
    write_json(Client(connect(apihost, auth)).get(entity_path("actions", name), {"code": code}))


@action.command("delete")
@click.argument("name")
@connection_options
def delete_command(name: str, apihost: str | None, auth: str | None) -> None:
    """Delete an action."""
    client = Client(connect(apihost, auth))
    client.expect(client.ask("DELETE", entity_path("actions", name)))
    done(f"deleted {name}")
