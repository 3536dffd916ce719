"""`owactors status`: how the node on a data folder is."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from owactors.cli.failure import NO_NODE, Failure
from owactors.cli.nodesettings import load_settings, settings_options
from owactors.cli.output import json_option, write_json
from owactors.cli.runningnode import RunningNode
from owactors.entity.size import ByteSize


@click.command()
@click.option("-d", "--data-dir", type=click.Path(), metavar="FOLDER", help="The node's data folder. [node.data_dir]")
@settings_options
@json_option
def status(data_dir: str | None, config_file: Path | None, set_: tuple[str, ...], as_json: bool) -> None:
    """Show how the node on this machine is: invokers, calls under way, the store and what it removed."""
    settings = load_settings(config_file, set_, {"node.data_dir": data_dir})
    node = RunningNode.of(settings.node.data_dir)
    if node is None:
        raise Failure(f"no node runs on {settings.node.data_dir}; start one with `owactors standalone`.", NO_NODE)
    found = node.ask("GET", "status")
    if as_json:
        write_json(found)
    else:
        for name, text in _lines(node.url, found):
            click.echo(f"{name:12} {text}")


def _lines(url: str, found: dict[str, Any]) -> list[tuple[str, str]]:
    minutes = max(0, int(time.time() - found["started"] / 1000)) // 60
    invokers = ", ".join(f"{name} {state}" for name, state in found["invokers"].items()) or "none"
    store = found["store"]
    return [
        ("node", f"{url}, version {found['version']}, for {minutes} min"),
        ("invokers", invokers),
        ("in flight", str(found["activationsInFlight"])),
        ("store", f"{store['backend']}, {store['trouble'] or 'well'}"),
        *_upkeep_lines(store["upkeep"]),
    ]


def _upkeep_lines(upkeep: dict[str, Any] | None) -> list[tuple[str, str]]:
    if upkeep is None:
        return []
    removed = f"{upkeep['removed_by_age']} by age, {upkeep['removed_by_size']} by size"
    lines = [("removed", f"{removed} in {upkeep['rounds']} rounds{_trouble(upkeep)}")]
    for usage in upkeep["usage"]:
        lines.append(("records", f"{usage['namespace']}: {usage['records']} in {_kb(usage['bytes'])}"))
    return lines


def _trouble(upkeep: dict[str, Any]) -> str:
    return f"; {upkeep['trouble']}" if upkeep["trouble"] else ""


def _kb(count: int) -> str:
    return str(ByteSize.kb(-(-count // 1024)))
