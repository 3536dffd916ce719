"""`owactors logs`: what an action wrote to stdout and stderr."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from typing import Any

import click
from attrs import define, field

from owactors.cli.activations import PATH, last_id, name_query, recent
from owactors.cli.client import Client
from owactors.cli.connection import connect, connection_options
from owactors.cli.failure import NO_NODE, USAGE, Failure
from owactors.cli.output import json_option, remark, write_json

_ID = re.compile(r"[0-9a-f]{32}")
_STAMP = re.compile(r"^\d{4}-\d\d-\d\dT[\d:.]+Z?\s+(?:stdout|stderr): ")
POLL_SECONDS = 1.0


@click.command()
@click.argument("which", metavar="[ID|NAME]", required=False)
@click.option("--last", is_flag=True, help="Of the newest call.")
@click.option("-f", "--follow", is_flag=True, help="What calls print, while they run, until Ctrl-C.")
@click.option("--strip", is_flag=True, help="Without time and stream.")
@json_option
@connection_options
def logs(
    which: str | None,
    last: bool,
    follow: bool,
    strip: bool,
    as_json: bool,
    apihost: str | None,
    auth: str | None,
) -> None:
    """Write the logs of a call: by activation id, of an action's newest call, or of the newest of all (--last)."""
    client = Client(connect(apihost, auth))
    if follow:
        name = None if which is None or _ID.fullmatch(which) else which
        _follow(client, name, strip)
        return
    if (which is None) != last:
        raise Failure("give an activation id, an action's name, or --last.", USAGE)
    lines = log_lines(client, _activation_id(client, which))
    if as_json:
        write_json(lines)
    else:
        write_lines(lines, strip)


def log_lines(client: Client, activation_id: str) -> list[str]:
    """The log lines of one call."""
    lines: list[str] = client.get(f"{PATH}/{activation_id}/logs")["logs"]
    return lines


def write_lines(lines: list[str], strip: bool) -> None:
    """Log lines to stdout."""
    for line in lines:
        click.echo(_STAMP.sub("", line) if strip else line)


def _activation_id(client: Client, which: str | None) -> str:
    return which if which is not None and _ID.fullmatch(which) else last_id(client, which)


def _follow(client: Client, name: str | None, strip: bool) -> None:
    """Until Ctrl-C, also over an absence of the node; one that was never there is a Failure."""
    since, followed, away = int(time.time() * 1000), Followed(strip), False
    recent(client, name=name, limit=1, since_ms=since)
    remark("waiting for calls, Ctrl-C ends")
    while True:
        try:
            _listen(client, name, since, followed)
            away = False
        except Failure as failure:
            if failure.exit_code != NO_NODE:
                raise
            if not away:
                remark("the node is away; what it runs when it is back follows here")
            away = True
        time.sleep(POLL_SECONDS)


def _listen(client: Client, name: str | None, since: int, followed: Followed) -> None:
    """The node's stream of records as long as it lasts; what came before it, or without one all, is asked for."""
    with client.events(f"{PATH}/follow", {**name_query(name), "lines": True}) as coming:
        followed.write(reversed(recent(client, name=name, limit=200, since_ms=since, docs=True)))
        followed.write(coming or ())


@define
class Followed:
    """Writes lines as they come, each once, and says whose they are whenever that changes."""

    strip: bool
    _ended: set[str] = field(factory=set)
    #: of calls that have not ended
    _written: dict[str, set[str]] = field(factory=dict)
    _last: str = ""

    def write(self, found: Iterable[dict[str, Any]]) -> None:
        """Records, and `{activationId, name, lines}` of calls that run."""
        for each in found:
            if each["activationId"] not in self._ended:
                self._write(each)

    def _write(self, each: dict[str, Any]) -> None:
        activation_id, is_record = each["activationId"], "lines" not in each
        known = activation_id in self._written
        written = self._written.setdefault(activation_id, set())
        new = [line for line in each.get("logs" if is_record else "lines", []) if line not in written]
        if self._last != activation_id and (new or not known):
            click.echo(click.style(f"-- {each['name'].rpartition('/')[2]} {activation_id}", bold=True))
            self._last = activation_id
        write_lines(new, self.strip)
        written.update(new)
        if is_record:
            self._ended.add(activation_id)
            del self._written[activation_id]
