"""`owactors events`: figures of the user events for Prometheus, until it is stopped."""

from __future__ import annotations

from pathlib import Path

import click

from owactors.cli.failure import NO_NODE, USAGE, Failure
from owactors.cli.nodesettings import load_settings, settings_options
from owactors.cli.serving import check_address


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Address to listen on.")
@click.option("-p", "--port", type=int, default=9095, show_default=True, help="Port to listen on, 0 for a free one.")
@click.option("--kafka", metavar="HOST:PORT,…", help="Addresses of the brokers. [kafka.hosts]")
@settings_options
def events(host: str, port: int, kafka: str | None, config_file: Path | None, set_: tuple[str, ...]) -> None:
    """Read the user events of a cluster from Kafka and show Prometheus their figures, by action.

    The cluster must send them (kafka.user_events = true). Counts begin anew with each start.
    """
    settings = load_settings(config_file, set_, {"kafka.hosts": kafka})
    if settings.cluster.transport != "kafka":
        raise Failure("user events are read from Kafka only; name its brokers with --kafka HOST:PORT.", USAGE)
    check_address(host, port)
    from owactors.connector.port import ConnectorError
    from owactors.node.userevents import run

    try:
        run(settings, host, port)
    except (ConnectorError, ImportError) as problem:
        raise Failure(str(problem), NO_NODE) from problem
