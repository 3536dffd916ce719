"""A new node shows itself: deploys an action, calls it, and tells what to try next.

The tour is a process of its own beside the node and speaks to it over HTTP, as any client does.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import click

from owactors.cli.activation import start_kind, succeeded, time_split
from owactors.cli.bundle import bundle
from owactors.cli.client import Client, entity_path
from owactors.cli.connection import LOCAL, connect
from owactors.cli.deploy import Action, default_name, put
from owactors.cli.failure import ACTION_FAILED, NO_NODE, Failure
from owactors.cli.invoke import call
from owactors.cli.nodesettings import load_settings
from owactors.cli.output import write_json
from owactors.cli.parameters import read_object
from owactors.cli.serving import serve
from owactors.node.settings import Settings

READY_SECONDS = 60.0
_END_SECONDS = 3.0


def serve_with_tour(
    config_file: Path | None, set_: Sequence[str], options: Mapping[str, Any], source: Path, once: bool
) -> int:
    """Runs a node, and the tour beside it; its exit code. With `once` the node ends after the tour."""
    with ExitStack() as leaving:
        chosen = dict(options)
        if once and chosen.get("node.data_dir") is None:
            chosen["node.data_dir"] = leaving.enter_context(tempfile.TemporaryDirectory(prefix="owactors-"))
        settings = load_settings(config_file, set_, chosen)
        if settings.origins["logging.level"] == "default":
            chosen["logging.level"] = "warning"
        if settings.node.port == 0:
            chosen["node.port"] = free_port(settings.node.host)
        settings = load_settings(config_file, set_, chosen)
        with _guide(settings, source, once) as guide:
            code = serve(settings)
            return code or (_outcome(guide) if once else 0)


def _outcome(guide: subprocess.Popen[bytes]) -> int:
    """The exit code of a tour that has told the node to stop and is about to end."""
    try:
        code = guide.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        return NO_NODE  # somebody else stopped the node
    return 128 - code if code < 0 else code


@contextmanager
def _guide(settings: Settings, source: Path, once: bool) -> Iterator[subprocess.Popen[bytes]]:
    """The process of the tour; it is gone afterwards."""
    words = [sys.executable, "-m", "owactors.cli", "tour", str(source), "--apihost", address(settings)]
    guide = subprocess.Popen([*words, *(["--once"] if once else [])])
    try:
        yield guide
    finally:
        guide.terminate()
        guide.wait()


def address(settings: Settings) -> str:
    """How a client on this machine reaches the node."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.node.host, settings.node.host)
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.node.port}"


def free_port(host: str) -> int:
    """A port that is free now."""
    with socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        port: int = probe.getsockname()[1]
        return port


@click.command(hidden=True)
@click.argument("source", type=click.Path(exists=True, path_type=Path))
@click.option("--apihost", required=True)
@click.option("--once", is_flag=True)
def tour(source: Path, apihost: str, once: bool) -> None:
    """Show a node that this command's parent is about to start; with --once stop it afterwards."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C is for the node; the tour just ends
    node = os.getppid()
    try:
        show(Client(connect(apihost, None)), source, node)
        if not once:
            tell_next_steps(source, apihost)
    finally:
        if once and os.getppid() == node:
            os.kill(node, signal.SIGTERM)


def show(client: Client, source: Path, node: int) -> None:
    """Deploys the action, calls it with the params.json beside it, and writes what came out."""
    _wait_until_ready(client, node)
    _line("ready", client.connection.address)
    action = Action(default_name(source), bundle(source))
    put(client, action, {}, {}, {})
    _line("deployed", f"{action.name} ({action.kind}) from {source}")
    record = call(client, action.name, _parameters(source)).value
    _line("invoked", f"activation {record['activationId']}")
    _line("result", "")
    write_json(record["response"].get("result"))
    _line("time", f"{start_kind(record)} start: {time_split(record)}")
    _line("logs", "")
    kept = client.ask("GET", entity_path("activations", record["activationId"]))
    for line in kept.value.get("logs", []):
        click.echo(f"  {line}")
    if not succeeded(record):
        raise Failure(f"{action.name} failed; the result above says why.", ACTION_FAILED)


def _parameters(source: Path) -> dict[str, Any]:
    file = (source if source.is_dir() else source.parent) / "params.json"
    return read_object(file) if file.is_file() else {}


def _wait_until_ready(client: Client, node: int) -> None:
    """Returns when the node answers; Failure if it has gone or needs too long."""
    until = time.monotonic() + READY_SECONDS
    while time.monotonic() < until and os.getppid() == node:
        try:
            if client.ask_node("GET", "/ping").status == 200:
                return
        except Failure:
            pass
        time.sleep(0.03)
    raise Failure(f"the node did not answer at {client.connection.address}.", NO_NODE)


def _line(name: str, text: str) -> None:
    click.echo(f"{click.style(f'{name:9}', fg='green')} {text}".rstrip())


def tell_next_steps(source: Path, apihost: str) -> None:
    """Three commands that work as they stand."""
    program = own_command()
    host = "" if apihost == LOCAL else f" --apihost {apihost}"
    name = default_name(source)
    click.echo(f"\n{click.style('Try next', bold=True)} in another terminal:")
    click.echo(f'  {program} invoke {name}{host} --param text "to be or not to be"')
    click.echo(f"  {program} logs --last{host}")
    click.echo(f"  {program} activations{host}")
    click.echo("Ctrl-C stops the node.")


def own_command() -> str:
    """How a shell in this folder calls this command."""
    program = Path(sys.executable).parent / "owactors"
    found = shutil.which("owactors")
    if found and Path(found).resolve() == program.resolve():
        return "owactors"
    nearby = program.relative_to(Path.cwd()) if program.is_relative_to(Path.cwd()) else program
    return shlex.quote(str(nearby))
