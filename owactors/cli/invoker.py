"""`owactors invoker`: one invoker of a cluster, until it is stopped."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from owactors.cli.failure import USAGE, Failure
from owactors.cli.nodesettings import load_settings, settings_options, transport_of
from owactors.cli.serving import check_address

ALONE = (
    "an invoker gets its work from a controller: name one with --join HOST:PORT (`owactors controller` or `owactors "
    "node` starts the first one and says its address), or Kafka's brokers with --kafka HOST:PORT."
)


@click.command()
@click.option("--join", metavar="HOST:PORT,…", help="Controllers to join; one that is there is enough. [cluster.join]")
@click.option(
    "--secret-file", "--key-file", "key_file", metavar="FILE", help="The cluster's secret. [cluster.key_file]"
)
@click.option("--name", metavar="NAME", help="Lasting name of this host; else the system's. [node.name]")
@click.option("--id", "id_", type=int, metavar="N", help="Its number, each its own; else by its name. [invoker.id]")
@click.option(
    "--unique-name", metavar="NAME", help="Lasting name, whose number is kept in the store. [invoker.unique_name]"
)
@click.option("--host", metavar="ADDRESS", help="Address to listen on. [node.host]")
@click.option("-p", "--port", type=int, help="Port of its own HTTP server, 0 for a free one. [invoker.port]")
@click.option("-d", "--data-dir", type=click.Path(), metavar="FOLDER", help="Folder of this invoker. [node.data_dir]")
@click.option("--container", type=click.Choice(("sandbox", "docker")), help="Where actions run. [containers.backend]")
@click.option("--couchdb", metavar="URL", help="Address of the CouchDB, else the controller knows. [couchdb.url]")
@click.option("--kafka", metavar="HOST:PORT,…", help="Speak through these brokers instead. [kafka.hosts]")
@click.option("--http-first", is_flag=True, help="Calls go to invokers over HTTP first. [cluster.http_first]")
@settings_options
@click.option("-v", "--verbose", is_flag=True, help="Log everything. [logging.level=debug]")
def invoker(
    join: str | None,
    key_file: str | None,
    name: str | None,
    id_: int | None,
    unique_name: str | None,
    host: str | None,
    port: int | None,
    data_dir: str | None,
    container: str | None,
    couchdb: str | None,
    kafka: str | None,
    http_first: bool,
    config_file: Path | None,
    set_: tuple[str, ...],
    verbose: bool,
) -> None:
    """Start an invoker of a cluster: it runs what controllers send it.

    \b
        owactors invoker --join 10.0.0.1:3234 --secret-file cluster.key

    What it must know beside that it learns there. With --kafka, roles speak through Kafka as OpenWhisk's do, and
    documents are in a CouchDB. Ctrl-C lets running calls finish, then stops it.
    """
    options = {
        "invoker.id": id_,
        "node.name": name,
        "invoker.unique_name": unique_name,
        "node.host": host,
        "invoker.port": port,
        "node.data_dir": data_dir,
        "kafka.hosts": kafka,
        "cluster.join": join,
        "cluster.key_file": key_file,
        "cluster.transport": transport_of(kafka, join),
        "couchdb.url": couchdb,
        "containers.backend": container,
        "store.backend": "couchdb" if couchdb else None,
        "cluster.http_first": "true" if http_first else None,
        "logging.level": "debug" if verbose else None,
    }
    settings = load_settings(config_file, set_, options)
    if settings.cluster.transport == "actors" and not settings.cluster.join:
        raise Failure(ALONE, USAGE)
    from owactors.node.roles import INVOKER, completed, run

    known = completed(settings, INVOKER)
    check_address(known.node.host, known.invoker.port, known.node.data_dir)
    sys.exit(run(known, INVOKER))
