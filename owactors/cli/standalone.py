"""`owactors standalone`: a whole OpenWhisk on this machine, until it is stopped."""

from __future__ import annotations

import errno
import socket
import sys
from pathlib import Path

import click

from owactors.cli.failure import NO_NODE, Failure
from owactors.cli.nodesettings import load_settings, settings_options
from owactors.node.settings import Settings


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


def serve(settings: Settings) -> int:
    """Runs the node until it is stopped; its exit code. Failure if the address is not to be had."""
    check_address(settings.node.host, settings.node.port, settings.node.data_dir)
    from owactors.node import standalone as node

    return node.run(settings)


def check_address(host: str, port: int, data_dir: Path | None = None) -> None:
    """Failure with what to do if nobody can listen there. What is left of a node on this folder will be ended."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as problem:
            if problem.errno != errno.EADDRINUSE or data_dir is None or not _is_ours(data_dir, port):
                raise Failure(_why_not(host, port, problem), NO_NODE) from problem


def _is_ours(data_dir: Path, port: int) -> bool:
    from owactors.node.folder import serves

    return serves(data_dir, port)


def _why_not(host: str, port: int, problem: OSError) -> str:
    if problem.errno == errno.EADDRINUSE:
        from owactors.actor.openfiles import user_of

        by = user_of(port)
        return f"port {port} is in use on {host} by {by}; stop it, or take another port with --port (0: a free one)."
    if problem.errno == errno.EACCES:
        return f"this user may not listen on port {port}; take one above 1023 with --port."
    reason = (problem.strerror or str(problem)).lower()
    return f"{host} is no address of this machine to listen on ({reason}); see --host."
