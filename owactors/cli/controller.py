"""`owactors controller`: one controller of a cluster, until it is stopped."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from owactors.cli.nodesettings import load_settings, settings_options
from owactors.cli.serving import check_address


@click.command()
@click.option("--id", "id_", metavar="ID", help="Id of this controller, each its own. [controller.id]")
@click.option("--host", metavar="ADDRESS", help="Address to listen on. [node.host]")
@click.option("-p", "--port", type=int, help="Port to listen on, 0 for a free one. [node.port]")
@click.option(
    "-d", "--data-dir", type=click.Path(), metavar="FOLDER", help="Folder of this controller. [node.data_dir]"
)
@click.option("--kafka", metavar="HOST:PORT,…", help="Addresses of the brokers. [kafka.hosts]")
@click.option("--couchdb", metavar="URL", help="Address of the CouchDB. [couchdb.url]")
@click.option("--bus", metavar="HOST:PORT", help="Where the others find it, without Kafka. [cluster.listen]")
@click.option("--join", metavar="HOST:PORT,…", help="Controllers to join, without Kafka. [cluster.join]")
@click.option("--secret-file", "--key-file", "key_file", metavar="FILE", help="The cluster's key. [cluster.key_file]")
@click.option("--http-first", is_flag=True, help="Calls go to invokers over HTTP first. [cluster.http_first]")
@settings_options
@click.option("-v", "--verbose", is_flag=True, help="Log everything. [logging.level=debug]")
def controller(
    id_: str | None,
    host: str | None,
    port: int | None,
    data_dir: str | None,
    kafka: str | None,
    couchdb: str | None,
    bus: str | None,
    join: str | None,
    key_file: str | None,
    http_first: bool,
    config_file: Path | None,
    set_: tuple[str, ...],
    verbose: bool,
) -> None:
    """Start a controller of a cluster: the REST API, and work for the invokers, through Kafka or without.

    Documents and records are in a CouchDB that all of them reach. Ctrl-C stops it.
    """
    options = {
        "controller.id": id_,
        "node.host": host,
        "node.port": port,
        "node.data_dir": data_dir,
        "kafka.hosts": kafka,
        "cluster.listen": bus,
        "cluster.join": join,
        "cluster.key_file": key_file,
        "cluster.transport": "actors" if bus or join else None,
        "couchdb.url": couchdb,
        "store.backend": "couchdb",
        "cluster.http_first": "true" if http_first else None,
        "logging.level": "debug" if verbose else None,
    }
    settings = load_settings(config_file, set_, options)
    check_address(settings.node.host, settings.node.port, settings.node.data_dir)
    from owactors.node.cluster import run_controller

    sys.exit(run_controller(settings))
