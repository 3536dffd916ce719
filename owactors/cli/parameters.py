"""Parameters of a call as people give them: --param key value, --file key file, --param-file file."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from owactors.cli.failure import USAGE, Failure

Command = TypeVar("Command", bound=Callable[..., Any])


def parameter_options(command: Command) -> Command:
    """Adds --param, --file and --param-file; the command gets them as `param`, `content` and `param_file`."""
    single = click.option(
        "-p", "--param", nargs=2, multiple=True, metavar="KEY VALUE", help="A parameter; JSON, or else text."
    )
    content = click.option(
        "-F",
        "--file",
        "content",
        nargs=2,
        multiple=True,
        metavar="KEY FILE",
        help="A parameter that is the content of a file: text, or base64 if it is none.",
    )
    file = click.option(
        "-P", "--param-file", type=click.Path(path_type=Path), metavar="FILE", help="JSON object of parameters."
    )
    return single(content(file(command)))


Pairs = Sequence[tuple[str, str]]


def gather(pairs: Pairs, contents: Pairs, file: Path | None) -> dict[str, Any]:
    """The parameters of the JSON file, with contents of files and single ones on top."""
    parameters = {} if file is None else read_object(file)
    parameters.update({key: read_content(Path(name)) for key, name in contents})
    parameters.update({key: parse(text) for key, text in pairs})
    return parameters


def parse(text: str) -> Any:
    """The JSON value if it is JSON, else the text, as wsk does."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def read_content(file: Path) -> str:
    """The text in a file; of a file that is not UTF-8 text its bytes in base64."""
    try:
        content = file.read_bytes()
    except OSError as problem:
        raise Failure(f"{file} cannot be read: {problem.strerror}.", USAGE) from problem
    try:
        return content.decode()
    except UnicodeDecodeError:
        return base64.b64encode(content).decode()


def read_object(file: Path) -> dict[str, Any]:
    """The JSON object in a file."""
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except OSError as problem:
        raise Failure(f"{file} cannot be read: {problem.strerror}.", USAGE) from problem
    except ValueError as problem:
        raise Failure(f"{file} is not JSON: {problem}.", USAGE) from problem
    if not isinstance(value, dict):
        raise Failure(f"{file} must hold one JSON object, with a member for each parameter.", USAGE)
    return value


def key_values(parameters: dict[str, Any]) -> list[dict[str, Any]]:
    """The form of parameters and annotations in OpenWhisk's documents."""
    return [{"key": key, "value": value} for key, value in parameters.items()]
