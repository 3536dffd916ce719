"""`owactors invoke`: calls an action and shows what it returned."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from owactors.cli.activation import result, start_kind, status, succeeded, time_split
from owactors.cli.client import Answer, Client, entity_path, refusal
from owactors.cli.connection import connect, connection_options
from owactors.cli.failure import ACTION_FAILED, NOT_FINISHED, Failure
from owactors.cli.output import done, json_option, remark, write_json
from owactors.cli.parameters import gather, parameter_options


@click.command()
@click.argument("name")
@parameter_options
@click.option("-r", "--result", "only_result", is_flag=True, help="Write the result and nothing else.")
@click.option("--no-wait", is_flag=True, help="Answer with the activation id at once.")
@json_option
@connection_options
def invoke(
    name: str,
    param: tuple[tuple[str, str], ...],
    content: tuple[tuple[str, str], ...],
    param_file: Path | None,
    only_result: bool,
    no_wait: bool,
    as_json: bool,
    apihost: str | None,
    auth: str | None,
) -> None:
    """Call the action NAME and wait for its result.

    NAME is an action, package/action, or /namespace/package/action. The result goes to stdout, how long it took to
    stderr; --json writes the whole activation record.
    """
    client = Client(connect(apihost, auth))
    answer = call(client, name, gather(param, content, param_file), wait=not no_wait)
    if answer.status == 202:
        _accepted(answer, no_wait, as_json)
    elif as_json:
        write_json(answer.value)
    else:
        show(name, answer.value, only_result)
    if answer.status != 202 and not succeeded(answer.value):
        raise click.exceptions.Exit(ACTION_FAILED)


def call(client: Client, name: str, parameters: dict[str, Any], *, wait: bool = True) -> Answer:
    """Calls the action. The answer is 202 with an activation id, or holds the record, also of a failed action."""
    query = {"blocking": wait, "result": False}
    answer = client.ask("POST", entity_path("actions", name), query, parameters)
    if answer.status == 202 or is_record(answer.value):
        return answer
    raise refusal(answer, client.connection.address)


def is_record(value: Any) -> bool:
    """Whether this is an activation record; a failed action's comes with HTTP 502."""
    return isinstance(value, dict) and "activationId" in value and isinstance(value.get("response"), dict)


def show(name: str, record: dict[str, Any], only_result: bool) -> None:
    """Result and time split, or the error."""
    write_json(result(record))
    if only_result:
        return
    split = f"{record['activationId']} ({start_kind(record)}: {time_split(record)})"
    if succeeded(record):
        done(f"invoked {name}, activation {split}")
    else:
        remark(f"{click.style('failed:', fg='red')} {status(record)} of {name}, activation {split}")
        remark(f"  its logs: owactors logs {record['activationId']}")


def _accepted(answer: Answer, no_wait: bool, as_json: bool) -> None:
    activation_id = answer.value.get("activationId") if isinstance(answer.value, dict) else None
    if as_json:
        write_json(answer.value)
    elif no_wait:
        click.echo(activation_id)
    if not no_wait:
        raise Failure(
            f"the action still runs; ask later with `owactors activations get {activation_id}`.", NOT_FINISHED
        )
