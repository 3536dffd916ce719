"""What the commands that start roles of a cluster have in common: options, and the settings that they stand for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from owactors.cli.failure import USAGE, Failure
from owactors.cli.nodesettings import load_settings, settings_options
from owactors.cli.serving import check_address
from owactors.node.settings import Settings

Command = TypeVar("Command", bound=Callable[..., Any])
_OPTIONS = (
    click.option(
        "--join", metavar="HOST:PORT,…", help="Controllers to join; one that is there is enough. [cluster.join]"
    ),
    click.option(
        "--secret-file", "--key-file", "key_file", metavar="FILE", help="The cluster's secret. [cluster.key_file]"
    ),
    click.option("--name", metavar="NAME", help="Lasting name of this host; else the system's. [node.name]"),
    click.option("--host", metavar="ADDRESS", help="Address to listen on. [node.host]"),
    click.option("-d", "--data-dir", type=click.Path(), metavar="FOLDER", help="Folder of its own. [node.data_dir]"),
    click.option("--couchdb", metavar="URL", help="Keep documents there and not in the first host. [couchdb.url]"),
    click.option("--http-first", is_flag=True, help="Calls go to invokers over HTTP first. [cluster.http_first]"),
    settings_options,
    click.option("-v", "--verbose", is_flag=True, help="Log everything. [logging.level=debug]"),
)


def role_options(command: Command) -> Command:
    """Adds them; the command gets them as keywords that are for `role_settings`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def role_settings(common: Mapping[str, Any], own: Mapping[str, Any]) -> Settings:
    """The settings that hold. `common` came by `role_options`, `own` is setting to value, None if not said. Failure."""
    said = {
        "cluster.join": common["join"],
        "cluster.key_file": common["key_file"],
        "node.name": common["name"],
        "node.host": common["host"],
        "node.data_dir": common["data_dir"],
        "couchdb.url": common["couchdb"],
        "store.backend": "couchdb" if common["couchdb"] else None,
        "cluster.http_first": "true" if common["http_first"] else None,
        "logging.level": "debug" if common["verbose"] else None,
    }
    return load_settings(common["config_file"], common["set_"], {**said, **own})


def transport_of(kafka: str | None, neighbours: str | None) -> str | None:
    """What these two options choose, None if neither is given. Failure for both."""
    if kafka and neighbours:
        raise Failure("roles speak through Kafka or with each other: give --kafka, or --join and --bus.", USAGE)
    return "kafka" if kafka else "actors" if neighbours else None


def start_roles(settings: Settings, *, controller: bool, invoker: bool) -> None:
    """Runs them until they are stopped, and exits. Failure if the address is not to be had."""
    from owactors.node.host import Roles
    from owactors.node.roles import completed, run

    roles = Roles(controller=controller, invoker=invoker)
    known = completed(settings, roles)
    check_address(known.node.host, known.node.port if controller else known.invoker.port, known.node.data_dir)
    sys.exit(run(known, roles))
