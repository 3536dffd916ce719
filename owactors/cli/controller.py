"""`owactors controller`: one controller of a cluster, until it is stopped."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from owactors.cli.nodesettings import load_settings, settings_options, transport_of
from owactors.cli.serving import check_address


@click.command()
@click.option("--id", "id_", metavar="ID", help="Its id, each its own; else the host's name. [controller.id]")
@click.option("--name", metavar="NAME", help="Lasting name of this host; else the system's. [node.name]")
@click.option("--host", metavar="ADDRESS", help="Address to listen on. [node.host]")
@click.option("-p", "--port", type=int, help="Port to listen on, 0 for a free one. [node.port]")
@click.option(
    "-d", "--data-dir", type=click.Path(), metavar="FOLDER", help="Folder of this controller. [node.data_dir]"
)
@click.option("--join", metavar="HOST:PORT,…", help="Controllers to join; one that is there is enough. [cluster.join]")
@click.option("--bus", metavar="HOST:PORT", help="Where the others find this one. [cluster.listen]")
@click.option(
    "--secret-file", "--key-file", "key_file", metavar="FILE", help="The cluster's secret. [cluster.key_file]"
)
@click.option("--couchdb", metavar="URL", help="Keep documents there and not in the first host. [couchdb.url]")
@click.option("--kafka", metavar="HOST:PORT,…", help="Speak through these brokers instead. [kafka.hosts]")
@click.option("--http-first", is_flag=True, help="Calls go to invokers over HTTP first. [cluster.http_first]")
@settings_options
@click.option("-v", "--verbose", is_flag=True, help="Log everything. [logging.level=debug]")
def controller(
    id_: str | None,
    name: str | None,
    host: str | None,
    port: int | None,
    data_dir: str | None,
    join: str | None,
    bus: str | None,
    key_file: str | None,
    couchdb: str | None,
    kafka: str | None,
    http_first: bool,
    config_file: Path | None,
    set_: tuple[str, ...],
    verbose: bool,
) -> None:
    """Start a controller of a cluster: the REST API, and work for the invokers. The first one:

    \b
        owactors controller --host 10.0.0.1

    It keeps the documents and makes the secret file. Copy that to other hosts and add invokers, further controllers,
    or both in one:

    \b
        owactors invoker --join 10.0.0.1:3234 --secret-file cluster.key
        owactors controller --join 10.0.0.1:3234 --secret-file cluster.key
        owactors node --join 10.0.0.1:3234 --secret-file cluster.key --controller

    With --kafka, roles speak through Kafka as OpenWhisk's do, and documents are in a CouchDB. Ctrl-C stops it.
    """
    options = {
        "controller.id": id_,
        "node.name": name,
        "node.host": host,
        "node.port": port,
        "node.data_dir": data_dir,
        "kafka.hosts": kafka,
        "cluster.listen": bus,
        "cluster.join": join,
        "cluster.key_file": key_file,
        "cluster.transport": transport_of(kafka, bus or join),
        "couchdb.url": couchdb,
        "store.backend": "couchdb" if couchdb else None,
        "cluster.http_first": "true" if http_first else None,
        "logging.level": "debug" if verbose else None,
    }
    settings = load_settings(config_file, set_, options)
    from owactors.node.roles import CONTROLLER, completed, run

    known = completed(settings, CONTROLLER)
    check_address(known.node.host, known.node.port, known.node.data_dir)
    sys.exit(run(known, CONTROLLER))
