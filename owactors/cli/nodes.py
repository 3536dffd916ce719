"""`owactors nodes`, `drain`, `enable`, `disable`: the hosts of a cluster, by way of any of its controllers."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import click

from owactors.cli.connection import connect
from owactors.cli.failure import NO_NODE, NOT_FINISHED, USAGE, Failure
from owactors.cli.nodesettings import load_settings, settings_options
from owactors.cli.output import done, json_option, remark, write_json, write_table
from owactors.cli.runningnode import RunningNode

Command = TypeVar("Command", bound=Callable[..., Any])
TITLES = ("HOST", "STATE", "ROLES", "HEALTH", "LOAD", "MEMORY", "VERSION", "CODE", "SEEN")
DRAINED = ("drained", "offline", "stopped")
POLL_SECONDS = 0.5


def controller_options(command: Command) -> Command:
    """Adds what names a controller and opens its operator's routes."""
    options = (
        click.option("--apihost", metavar="URL", help="A controller, on any host. [OWACTORS_APIHOST, ~/.wskprops]"),
        click.option("--secret-file", metavar="FILE", help="The cluster's secret. [cluster.key_file]"),
        click.option("-d", "--data-dir", type=click.Path(), metavar="FOLDER", help="Of a controller on this machine."),
        settings_options,
    )
    for option in reversed(options):
        command = option(command)
    return command


def _controller(apihost: str | None, secret_file: str | None, data_dir: str | None, **settings: Any) -> RunningNode:
    """With the secret the one at `apihost`, else the one that runs on the data folder."""
    options = {"cluster.key_file": secret_file, "node.data_dir": data_dir}
    known = load_settings(settings["config_file"], settings["set_"], options)
    if secret_file is None and apihost is None:
        here = RunningNode.of(known.node.data_dir)
        if here is not None:
            return here
    if known.cluster.key_file is None:
        raise Failure(
            f"no controller runs on {known.node.data_dir}; name one with --apihost and the cluster's secret with "
            "--secret-file.",
            NO_NODE,
        )
    return RunningNode(connect(apihost, None).address, _key_of(known.cluster.key_file))


def _key_of(path: Path) -> str:
    from owactors.node.cluster import operators_key

    if not path.exists():
        raise Failure(f"there is no secret file {path}.", USAGE)
    try:
        return operators_key(path)
    except Exception as problem:
        raise Failure(f"the secret file cannot be used: {problem}.", USAGE) from problem


def _ask(controller: RunningNode, method: str, path: str) -> Any:
    try:
        return controller.ask(method, path)
    except ConnectionError as problem:
        raise Failure(f"no controller answers at {controller.url}: {problem}.", NO_NODE) from problem


@click.command()
@controller_options
@json_option
def nodes(as_json: bool, **where: Any) -> None:
    """Show the hosts of the cluster: roles, state, health, load, memory, version, and when they were last heard of.

    A star behind CODE means that the host runs other code than the controller that answers.
    """
    found = _ask(_controller(**where), "GET", "nodes")
    if as_json:
        write_json(found["nodes"])
    else:
        write_table(TITLES, [_row(host) for host in found["nodes"]])


def _row(host: Any) -> tuple[str, ...]:
    roles, memory = host["roles"], host["memory"]
    seen = f"{host['lastSeen']:.0f} s ago"
    if not roles:  # it is joining, and has said nothing of itself yet
        return (host["name"], host["state"], *["-"] * (len(TITLES) - 3), seen)
    return (
        host["name"],
        host["state"],
        ",".join(_named(role, host["state"]) for role in roles),
        ",".join(role["health"] for role in roles if role["health"]) or "-",
        str(sum(role["load"] for role in roles if role["role"].startswith("invoker"))),
        f"{memory['used']}/{memory['total']} MB",
        host["version"],
        host["code"] + ("*" if host["differs"] else ""),
        seen,
    )


def _named(role: Any, state: str) -> str:
    """With its own state where that is another than the host's."""
    other = role["state"] not in (state, "enabled")
    return f"{role['role']} ({role['state']})" if other else str(role["role"])


@click.command()
@click.argument("name")
@click.option("--wait", is_flag=True, help="Return when nothing runs there any more.")
@click.option("--timeout", type=float, default=600.0, show_default=True, metavar="SECONDS", help="The longest wait.")
@controller_options
def drain(name: str, wait: bool, timeout: float, **where: Any) -> None:
    """Send no new work to host NAME and let it finish what it has; this holds until `owactors enable NAME`."""
    controller = _controller(**where)
    _order(controller, name, "drain")
    if not wait:
        done(f"{name} gets no new work; `owactors nodes` says when it is drained.")
        return
    deadline = time.monotonic() + timeout
    while (host := _host(controller, name))["state"] not in DRAINED:
        if time.monotonic() > deadline:
            running = sum(role["load"] for role in host["roles"])
            raise Failure(f"{name} is {host['state']} after {timeout:g} s: {running} calls run there.", NOT_FINISHED)
        time.sleep(POLL_SECONDS)
    done(f"{name} is {host['state']}.")


@click.command()
@click.argument("name")
@controller_options
def enable(name: str, **where: Any) -> None:
    """Let host NAME have work again."""
    _order(_controller(**where), name, "enable")
    done(f"{name} gets work again as soon as it has shown that it is well.")


@click.command()
@click.argument("name")
@controller_options
def disable(name: str, **where: Any) -> None:
    """Send no work to host NAME until `owactors enable NAME`; what it has goes on."""
    _order(_controller(**where), name, "disable")
    done(f"{name} gets no more work.")


def _order(controller: RunningNode, name: str, order: str) -> None:
    _ask(controller, "POST", f"nodes/{quote(name, safe='')}/{order}")


def _host(controller: RunningNode, name: str) -> Any:
    for host in _ask(controller, "GET", "nodes")["nodes"]:
        if host["name"] == name:
            return host
    remark(f"{name} is not heard of any more.")
    return {"state": "offline", "roles": []}
