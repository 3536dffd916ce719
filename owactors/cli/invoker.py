"""`owactors invoker`: one invoker of a cluster, until it is stopped."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from owactors.cli.nodesettings import load_settings, settings_options
from owactors.cli.serving import check_address


@click.command()
@click.option("--id", "id_", type=int, metavar="N", help="Number of this invoker, each its own. [invoker.id]")
@click.option(
    "--unique-name", metavar="NAME", help="Lasting name, whose number is kept in the store. [invoker.unique_name]"
)
@click.option("--host", metavar="ADDRESS", help="Address to listen on. [node.host]")
@click.option("-p", "--port", type=int, help="Port of its own HTTP server, 0 for a free one. [invoker.port]")
@click.option("-d", "--data-dir", type=click.Path(), metavar="FOLDER", help="Folder of this invoker. [node.data_dir]")
@click.option("--kafka", metavar="HOST:PORT,…", help="Addresses of the brokers. [kafka.hosts]")
@click.option("--couchdb", metavar="URL", help="Address of the CouchDB. [couchdb.url]")
@click.option("--container", type=click.Choice(("sandbox", "docker")), help="Where actions run. [containers.backend]")
@click.option("--join", metavar="HOST:PORT,…", help="Controllers to join, without Kafka. [cluster.join]")
@click.option("--secret-file", "--key-file", "key_file", metavar="FILE", help="The cluster's key. [cluster.key_file]")
@click.option("--http-first", is_flag=True, help="Calls go to invokers over HTTP first. [cluster.http_first]")
@settings_options
@click.option("-v", "--verbose", is_flag=True, help="Log everything. [logging.level=debug]")
def invoker(
    id_: int | None,
    unique_name: str | None,
    host: str | None,
    port: int | None,
    data_dir: str | None,
    kafka: str | None,
    couchdb: str | None,
    container: str | None,
    join: str | None,
    key_file: str | None,
    http_first: bool,
    config_file: Path | None,
    set_: tuple[str, ...],
    verbose: bool,
) -> None:
    """Start an invoker of a cluster: it runs what controllers send it, through Kafka or without.

    Actions and records are in a CouchDB that all of them reach. Ctrl-C lets running calls finish, then stops it.
    """
    options = {
        "invoker.id": id_,
        "invoker.unique_name": unique_name,
        "node.host": host,
        "invoker.port": port,
        "node.data_dir": data_dir,
        "kafka.hosts": kafka,
        "cluster.join": join,
        "cluster.key_file": key_file,
        "cluster.transport": "actors" if join else None,
        "couchdb.url": couchdb,
        "containers.backend": container,
        "store.backend": "couchdb",
        "cluster.http_first": "true" if http_first else None,
        "logging.level": "debug" if verbose else None,
    }
    settings = load_settings(config_file, set_, options)
    check_address(settings.node.host, settings.invoker.port, settings.node.data_dir)
    from owactors.node.cluster import run_invoker

    sys.exit(run_invoker(settings))
