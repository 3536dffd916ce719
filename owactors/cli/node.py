"""`owactors node`: one host of a cluster, until it is stopped."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from owactors.cli.nodesettings import load_settings, settings_options
from owactors.cli.serving import check_address


@click.command()
@click.option("--join", metavar="HOST:PORT,…", help="Controllers to join; one that is there is enough. [cluster.join]")
@click.option("--secret-file", metavar="FILE", help="The cluster's secret. [cluster.key_file]")
@click.option("--name", metavar="NAME", help="Lasting name of this host; else the system's. [node.name]")
@click.option("--controller", is_flag=True, help="When joining: a controller, too, not only an invoker.")
@click.option("--host", metavar="ADDRESS", help="Address to listen on. [node.host]")
@click.option("-p", "--port", type=int, help="Port of the API, without a controller of the invoker's HTTP server.")
@click.option("--bus", metavar="HOST:PORT", help="Where others find its controller. [cluster.listen]")
@click.option("-d", "--data-dir", type=click.Path(), metavar="FOLDER", help="Folder of this host. [node.data_dir]")
@click.option("--container", type=click.Choice(("sandbox", "docker")), help="Where actions run. [containers.backend]")
@click.option("--couchdb", metavar="URL", help="Keep documents there and not in the first host. [couchdb.url]")
@click.option("--http-first", is_flag=True, help="Calls go to invokers over HTTP first. [cluster.http_first]")
@settings_options
@click.option("-v", "--verbose", is_flag=True, help="Log everything. [logging.level=debug]")
def node(
    join: str | None,
    secret_file: str | None,
    name: str | None,
    controller: bool,
    host: str | None,
    port: int | None,
    bus: str | None,
    data_dir: str | None,
    container: str | None,
    couchdb: str | None,
    http_first: bool,
    config_file: Path | None,
    set_: tuple[str, ...],
    verbose: bool,
) -> None:
    """Start a host of a cluster that needs no Kafka. The first one:

    \b
        owactors node --host 10.0.0.1

    It is controller and invoker, keeps the documents, and makes the secret file. Copy that to another host and add it:

    \b
        owactors node --join 10.0.0.1:3234 --secret-file cluster.key

    What it must know beside that it learns there. Ctrl-C lets running calls finish, then stops it.
    """
    first = not join
    options = {
        "cluster.transport": "actors",
        "cluster.join": join,
        "cluster.key_file": secret_file,
        "cluster.listen": bus,
        "node.name": name,
        "node.host": host,
        "node.port" if first or controller else "invoker.port": port,
        "node.data_dir": data_dir,
        "containers.backend": container,
        "couchdb.url": couchdb,
        "store.backend": "couchdb" if couchdb else None,
        "cluster.http_first": "true" if http_first else None,
        "logging.level": "debug" if verbose else None,
    }
    settings = load_settings(config_file, set_, options)
    from owactors.node.host import Roles
    from owactors.node.roles import completed, run

    roles = Roles(controller=first or controller, invoker=True)
    known = completed(settings, roles)
    check_address(known.node.host, known.node.port if roles.controller else known.invoker.port, known.node.data_dir)
    sys.exit(run(known, roles))
