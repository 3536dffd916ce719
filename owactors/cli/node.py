"""`owactors node`: one host of a cluster, until it is stopped."""

from __future__ import annotations

from typing import Any

import click

from owactors.cli.roleoptions import role_options, role_settings, start_roles


@click.command()
@click.option("--controller", is_flag=True, help="When joining: a controller, too, not only an invoker.")
@click.option("-p", "--port", type=int, help="Port of the API, without a controller of the invoker's HTTP server.")
@click.option("--bus", metavar="HOST:PORT", help="Where others find its controller. [cluster.listen]")
@click.option("--container", type=click.Choice(("sandbox", "docker")), help="Where actions run. [containers.backend]")
@role_options
def node(controller: bool, port: int | None, bus: str | None, container: str | None, **common: Any) -> None:
    """Start a host of a cluster that needs no Kafka. The first one:

    \b
        owactors node --host 10.0.0.1

    It is controller and invoker, keeps the documents, and makes the secret file. Copy that to another host and add it:

    \b
        owactors node --join 10.0.0.1:3234 --secret-file cluster.key

    What it must know beside that it learns there; with --controller it serves the API, too. Ctrl-C lets running calls
    finish, then stops it.
    """
    with_controller = controller or not common["join"]
    own = {
        "node.port" if with_controller else "invoker.port": port,
        "cluster.listen": bus,
        "containers.backend": container,
        "cluster.transport": "actors",
    }
    start_roles(role_settings(common, own), controller=with_controller, invoker=True)
