"""`owactors deploy`: creates or replaces an action."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from owactors.cli.bundle import KINDS, Bundle, bundle
from owactors.cli.client import Client, entity_path
from owactors.cli.connection import connect, connection_options
from owactors.cli.failure import USAGE, Failure
from owactors.cli.output import done, json_option, write_json
from owactors.cli.parameters import gather, key_values, parameter_options, parse

#: --web -> the annotations that wsk sets.
WEB = {
    "yes": {"web-export": True, "raw-http": False, "final": True},
    "raw": {"web-export": True, "raw-http": True, "final": True},
    "no": {"web-export": False, "raw-http": False, "final": False},
}


@click.command()
@click.argument("source", type=click.Path(exists=True, path_type=Path), metavar="FILE|FOLDER")
@click.option("--name", help="Name of the action, perhaps package/action. [the file's name]")
@click.option("--kind", help="Such as python:3 or nodejs:20. [by the file's ending]")
@click.option("--main", "main_", metavar="FUNCTION", help="Entry point. [main]")
@click.option("-m", "--memory", type=int, metavar="MB", help="Memory limit.")
@click.option("-t", "--timeout", type=int, metavar="MS", help="Time limit in milliseconds.")
@parameter_options
@click.option("-a", "--annotation", nargs=2, multiple=True, metavar="KEY VALUE", help="An annotation.")
@click.option("--web", type=click.Choice(tuple(WEB)), help="Make it a web action.")
@json_option
@connection_options
def deploy(
    source: Path,
    name: str | None,
    kind: str | None,
    main_: str | None,
    memory: int | None,
    timeout: int | None,
    param: tuple[tuple[str, str], ...],
    content: tuple[tuple[str, str], ...],
    param_file: Path | None,
    annotation: tuple[tuple[str, str], ...],
    web: str | None,
    as_json: bool,
    apihost: str | None,
    auth: str | None,
) -> None:
    """Create the action of a source file, a zip or a folder, or replace it.

    A folder holds __main__.py (Python) or package.json (Node.js). What its requirements.txt or package.json asks for
    is installed and sent along.
    """
    action = Action(name or default_name(source), bundle(source), kind, main_)
    limits = {key: value for key, value in (("memory", memory), ("timeout", timeout)) if value is not None}
    annotations = {**WEB.get(web or "", {}), **{key: parse(text) for key, text in annotation}}
    client = Client(connect(apihost, auth))
    made = put(client, action, limits, gather(param, content, param_file), annotations)
    if as_json:
        write_json(made)
    else:
        done(f"deployed {action.name} ({action.kind}, version {made['version']})")


class Action:
    """What to deploy: a name, the code, and how to run it."""

    def __init__(self, name: str, code: Bundle, kind: str | None = None, main: str | None = None) -> None:
        self.name = name
        self.code = code
        self.main = main
        self.kind = kind or code.kind
        if self.kind is None:
            raise Failure(f"the kind of {name} is not plain; give it with --kind ({', '.join(KINDS.values())}).", USAGE)

    def exec(self) -> dict[str, Any]:
        """The `exec` of the action's document."""
        exec_ = {"kind": self.kind, "code": self.code.code, "binary": self.code.binary}
        return exec_ if self.main is None else {**exec_, "main": self.main}


def put(
    client: Client,
    action: Action,
    limits: Mapping[str, int],
    parameters: dict[str, Any],
    annotations: dict[str, Any],
) -> dict[str, Any]:
    """Creates or replaces the action; its new document."""
    body: dict[str, Any] = {"namespace": "_", "name": action.name, "exec": action.exec()}
    if limits:
        body["limits"] = dict(limits)
    if parameters:
        body["parameters"] = key_values(parameters)
    if annotations:
        body["annotations"] = key_values(annotations)
    answer = client.ask("PUT", entity_path("actions", action.name), {"overwrite": True}, body)
    made: dict[str, Any] = client.expect(answer)
    return made


def default_name(source: Path) -> str:
    """The file's or folder's name without its ending, as far as an action may be called so."""
    stem = source.resolve().name if source.is_dir() else source.stem
    return re.sub(r"[^\w@ .-]", "_", stem)
