"""`owactors controller`: one controller of a cluster, until it is stopped."""

from __future__ import annotations

from typing import Any

import click

from owactors.cli.roleoptions import role_options, role_settings, start_roles, transport_of


@click.command()
@click.option("--id", "id_", metavar="ID", help="Its id, each its own; else the host's name. [controller.id]")
@click.option("-p", "--port", type=int, help="Port to listen on, 0 for a free one. [node.port]")
@click.option("--bus", metavar="HOST:PORT", help="Where the others find it. [cluster.listen]")
@click.option("--kafka", metavar="HOST:PORT,…", help="Speak through these brokers instead. [kafka.hosts]")
@role_options
def controller(id_: str | None, port: int | None, bus: str | None, kafka: str | None, **common: Any) -> None:
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
    own = {
        "controller.id": id_,
        "node.port": port,
        "cluster.listen": bus,
        "kafka.hosts": kafka,
        "cluster.transport": transport_of(kafka, bus or common["join"]),
    }
    start_roles(role_settings(common, own), controller=True, invoker=False)
