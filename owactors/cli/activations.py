"""`owactors activations`: the records of past calls."""

from __future__ import annotations

import time
from typing import Any

import click

from owactors.cli.activation import Record, start_kind, status
from owactors.cli.client import Client
from owactors.cli.connection import connect, connection_options
from owactors.cli.failure import NOT_FOUND, USAGE, Failure
from owactors.cli.output import json_option, milliseconds, moment, write_json, write_table

PATH = "namespaces/_/activations"


@click.group(invoke_without_command=True)
@click.pass_context
@click.option("-l", "--limit", type=click.IntRange(1, 200), default=30, show_default=True, help="How many at most.")
@click.option("--since", metavar="TIME", help='Only newer ones: "10 min" ago, or epoch milliseconds.')
@json_option
@connection_options
def activations(
    ctx: click.Context, limit: int, since: str | None, as_json: bool, apihost: str | None, auth: str | None
) -> None:
    """Show past calls, the newest first; the same as `activations list`."""
    if ctx.invoked_subcommand is None:
        list_records(Client(connect(apihost, auth)), None, limit, since, as_json)


@activations.command("list")
@click.argument("name", required=False)
@click.option("-l", "--limit", type=click.IntRange(1, 200), default=30, show_default=True, help="How many at most.")
@click.option("--since", metavar="TIME", help='Only newer ones: "10 min" ago, or epoch milliseconds.')
@json_option
@connection_options
def list_command(
    name: str | None, limit: int, since: str | None, as_json: bool, apihost: str | None, auth: str | None
) -> None:
    """Show past calls, of the action NAME only if it is given."""
    list_records(Client(connect(apihost, auth)), name, limit, since, as_json)


@activations.command("get")
@click.argument("activation_id", required=False)
@click.option("--last", is_flag=True, help="The newest one.")
@json_option
@connection_options
def get_command(activation_id: str | None, last: bool, as_json: bool, apihost: str | None, auth: str | None) -> None:
    """Write the whole record of a call, as JSON."""
    client = Client(connect(apihost, auth))
    write_json(find(client, activation_id, last))


def list_records(client: Client, name: str | None, limit: int, since: str | None, as_json: bool) -> None:
    """Writes the newest records as a table or as JSON."""
    records = recent(client, name=name, limit=limit, since_ms=None if since is None else since_ms(since))
    if as_json:
        write_json(records)
    else:
        write_table(("time", "activation", "start", "took", "status", "action"), [_row(one) for one in records])


def recent(
    client: Client, *, name: str | None = None, limit: int = 1, since_ms: int | None = None, docs: bool = False
) -> list[Record]:
    """The newest records, as summaries, or whole with `docs`."""
    query: dict[str, Any] = {"limit": limit, "skip": 0, **name_query(name)}
    if since_ms is not None:
        query["since"] = since_ms
    if docs:
        query["docs"] = True
    found: list[Record] = client.get(PATH, query)
    return found


def name_query(name: str | None) -> dict[str, str]:
    """The query that asks for the records of one action: `action`, `package/action`, or either with `/namespace/`."""
    if not name:
        return {}
    return {"name": name.strip("/").split("/", 1)[-1] if name.startswith("/") else name}


def find(client: Client, activation_id: str | None, last: bool) -> Record:
    """The record of an id, or of the newest call."""
    if (activation_id is None) != last:
        raise Failure("give an activation id, or --last for the newest.", USAGE)
    if activation_id is None:
        activation_id = last_id(client)
    record: Record = client.get(f"{PATH}/{activation_id}")
    return record


def last_id(client: Client, name: str | None = None) -> str:
    """The id of the newest call, of the action `name` if it is given."""
    newest = recent(client, name=name)
    if not newest:
        of = f" of {name}" if name else ""
        raise Failure(f"there is no activation{of} yet.", NOT_FOUND)
    return str(newest[0]["activationId"])


def since_ms(text: str) -> int:
    """Epoch milliseconds from epoch milliseconds, or from a time ago such as "10 min"."""
    from owactors.node.settings_values import read_duration

    if text.isdigit():
        return int(text)
    try:
        return int((time.time() - read_duration(text)) * 1000)
    except ValueError as problem:
        raise Failure(f"--since {text!r} is not understood, expected {problem}.", USAGE) from problem


def _row(record: Record) -> tuple[str, ...]:
    duration = record.get("duration")
    return (
        moment(record["start"]),
        record["activationId"],
        start_kind(record),
        "" if duration is None else milliseconds(duration),
        status(record),
        record["name"],
    )
