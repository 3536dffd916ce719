"""`owactors invoker`: one invoker of a cluster, until it is stopped."""

from __future__ import annotations

from typing import Any

import click

from owactors.cli.failure import USAGE, Failure
from owactors.cli.roleoptions import role_options, role_settings, start_roles, transport_of

ALONE = (
    "an invoker gets its work from a controller: name one with --join HOST:PORT (`owactors controller` or `owactors "
    "node` starts the first one and says its address), or Kafka's brokers with --kafka HOST:PORT."
)


@click.command()
@click.option("--id", "id_", type=int, metavar="N", help="Its number, each its own; else by its name. [invoker.id]")
@click.option(
    "--unique-name", metavar="NAME", help="Lasting name, whose number is kept in the store. [invoker.unique_name]"
)
@click.option("-p", "--port", type=int, help="Port of its own HTTP server, 0 for a free one. [invoker.port]")
@click.option("--container", type=click.Choice(("sandbox", "docker")), help="Where actions run. [containers.backend]")
@click.option("--kafka", metavar="HOST:PORT,…", help="Speak through these brokers instead. [kafka.hosts]")
@role_options
def invoker(
    id_: int | None,
    unique_name: str | None,
    port: int | None,
    container: str | None,
    kafka: str | None,
    **common: Any,
) -> None:
    """Start an invoker of a cluster: it runs what controllers send it.

    \b
        owactors invoker --join 10.0.0.1:3234 --secret-file cluster.key

    What it must know beside that it learns there. With --kafka, roles speak through Kafka as OpenWhisk's do, and
    documents are in a CouchDB. Ctrl-C lets running calls finish, then stops it.
    """
    own = {
        "invoker.id": id_,
        "invoker.unique_name": unique_name,
        "invoker.port": port,
        "containers.backend": container,
        "kafka.hosts": kafka,
        "cluster.transport": transport_of(kafka, common["join"]),
    }
    settings = role_settings(common, own)
    if settings.cluster.transport == "actors" and not settings.cluster.join:
        raise Failure(ALONE, USAGE)
    start_roles(settings, controller=False, invoker=True)
