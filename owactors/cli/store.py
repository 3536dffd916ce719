"""`owactors store`: prepares a store, and copies one into another."""

from __future__ import annotations

import asyncio
from pathlib import Path

import attrs
import click

from owactors.cli.failure import NODE_ERROR, USAGE, Failure
from owactors.cli.nodesettings import load_settings, settings_options
from owactors.cli.openstores import PLACES, couch_of, open_place, place_of
from owactors.cli.output import done, json_option, write_json
from owactors.message.store import StoreUnavailable
from owactors.node.settings import Settings
from owactors.store.copy import Copied, copy_store
from owactors.store.couchdb.initialise import Initialised, initialise
from owactors.store.couchdb.settings import CouchSettings


@click.group()
@click.option("-d", "--data-dir", metavar="FOLDER", help="The node's data folder. [node.data_dir]")
@settings_options
@click.pass_context
def store(ctx: click.Context, data_dir: str | None, config_file: Path | None, set_: tuple[str, ...]) -> None:
    """Prepare a store, or copy one into another."""
    if not ctx.resilient_parsing:
        ctx.obj = load_settings(config_file, set_, {"node.data_dir": data_dir})


@store.command()
@json_option
@click.pass_obj
def init(settings: Settings, as_json: bool) -> None:
    """Make the databases and design documents of a CouchDB that are missing.

    A node does so by itself if its user may; with this an administrator does it once. Nothing is overwritten but
    older design documents of owactors.
    """
    if settings.store.backend != "couchdb":
        raise Failure("only CouchDB needs to be prepared; add --set store.backend=couchdb.", USAGE)
    try:
        made = initialise(couch_of(settings))
    except StoreUnavailable as problem:
        raise Failure(f"{problem.reason}.", NODE_ERROR) from problem
    if as_json:
        write_json(attrs.asdict(made))
    else:
        _tell(made)


def _tell(made: Initialised) -> None:
    for name in made.databases:
        click.echo(f"database {name}")
    for name in made.designs:
        click.echo(f"design document {name}")
    done("everything was there already." if made == Initialised() else "the databases are ready.")


@store.command()
@click.option("--from", "source", required=True, metavar="STORE", help="Where to copy from.")
@click.option("--to", "target", required=True, metavar="STORE", help="Where to copy to.")
@json_option
@click.pass_obj
def copy(settings: Settings, source: str, target: str, as_json: bool) -> None:
    """Copy everything of one store into another.

    STORE is sqlite (the data folder), sqlite:FOLDER, couchdb (the one of the settings) or
    couchdb:http://user:password@host:5984#prefix_. What the target has already stays, so that a copy that broke off
    can be repeated. Nodes that use the stores must be stopped.
    """
    places = place_of(settings, source), place_of(settings, target)
    if places[0] == places[1]:
        raise Failure(f"--from and --to are the same store; each is {PLACES}.", USAGE)
    try:
        copied = asyncio.run(_copied(*places))
    except StoreUnavailable as problem:
        raise Failure(f"{problem.reason}.", NODE_ERROR) from problem
    if as_json:
        write_json(attrs.asdict(copied))
        return
    done(
        f"copied {copied.subjects} subjects and limits, {copied.entities} entities with {copied.attachments} "
        f"attachments, {copied.records} activation records and {copied.acceptances} accepted calls; "
        f"{copied.present} documents were there already."
    )


async def _copied(source: str | CouchSettings, target: str | CouchSettings) -> Copied:
    first = await asyncio.to_thread(open_place, source)
    try:
        second = await asyncio.to_thread(open_place, target)
        try:
            return await copy_store(first, second)
        finally:
            await second.close()
    finally:
        await first.close()
