"""`owactors standalone`: a whole OpenWhisk on this machine, until it is stopped."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from owactors.cli.nodesettings import load_settings, settings_options
from owactors.cli.serving import serve


@click.command()
@click.option("--host", metavar="ADDRESS", help="Address to listen on. [node.host]")
@click.option("-p", "--port", type=int, help="Port to listen on, 0 for a free one. [node.port]")
@click.option("-d", "--data-dir", type=click.Path(), metavar="FOLDER", help="Where everything is kept. [node.data_dir]")
@click.option("--container", type=click.Choice(("sandbox", "docker")), help="Where actions run. [containers.backend]")
@click.option(
    "--store", type=click.Choice(("sqlite", "memory", "couchdb")), help="Where documents are kept. [store.backend]"
)
@click.option("-m", "--runtimes", metavar="FILE", help="Runtimes manifest, as JSON. [node.runtimes]")
@settings_options
@click.option("-v", "--verbose", is_flag=True, help="Log everything. [logging.level=debug]")
@click.option(
    "--tour",
    type=click.Path(exists=True, path_type=Path),
    metavar="FILE|FOLDER",
    help="Deploy this action, call it with the params.json beside it, and show what came out.",
)
@click.option("--once", is_flag=True, help="Stop after the tour, and leave nothing behind.")
def standalone(
    host: str | None,
    port: int | None,
    data_dir: str | None,
    container: str | None,
    store: str | None,
    runtimes: str | None,
    config_file: Path | None,
    set_: tuple[str, ...],
    verbose: bool,
    tour: Path | None,
    once: bool,
) -> None:
    """Start a node: the REST API and everything that runs actions, on this machine.

    Ctrl-C stops it. Every setting can be changed with --set; `owactors config` lists them.
    """
    if once and tour is None:
        raise click.UsageError("--once needs --tour.")
    options = {
        "node.host": host,
        "node.port": port,
        "node.data_dir": data_dir,
        "containers.backend": container,
        "store.backend": store,
        "node.runtimes": runtimes,
        "logging.level": "debug" if verbose else None,
    }
    if tour is None:
        sys.exit(serve(load_settings(config_file, set_, options)))
    from owactors.cli.tour import serve_with_tour

    sys.exit(serve_with_tour(config_file, set_, options, tour, once))
