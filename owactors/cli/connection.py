"""Which node a command speaks to and with which key: options, environment, ~/.wskprops, or the local guest."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import SplitResult, urlsplit

import click
from attrs import frozen

from owactors.cli.failure import USAGE, Failure

Command = TypeVar("Command", bound=Callable[..., Any])

LOCAL = "http://127.0.0.1:3233"
#: The key of `guest` that every OpenWhisk knows.
GUEST = "23bc46b1-71f6-4ed5-8c54-816aa4f8c502:123zO3xZCLrMN6v2BKK1dXYFpXlPkccOFqm12CdAsMgRU4VrNZ9lyGVCGuMDGIwP"
_LOOPBACK = ("127.", "localhost", "[::1]")


@frozen
class Connection:
    """Base address without trailing slash, and `uuid:key`."""

    apihost: SplitResult
    auth: str

    @property
    def address(self) -> str:
        return self.apihost.geturl()


def connection_options(command: Command) -> Command:
    """Adds --apihost and --auth; the command gets them as `apihost` and `auth`."""
    host = click.option("--apihost", metavar="URL", help="Node to speak to. [OWACTORS_APIHOST, ~/.wskprops]")
    auth = click.option("-u", "--auth", metavar="KEY", help="Key, uuid:secret. [OWACTORS_AUTH, ~/.wskprops]")
    return host(auth(command))


def connect(apihost: str | None, auth: str | None, environ: Mapping[str, str] | None = None) -> Connection:
    """The connection that holds; options win over the environment, that over ~/.wskprops."""
    environ = os.environ if environ is None else environ
    properties = read_properties(Path(environ.get("WSK_CONFIG_FILE") or "~/.wskprops").expanduser())
    host = apihost or environ.get("OWACTORS_APIHOST") or properties.get("APIHOST") or LOCAL
    key = auth or environ.get("OWACTORS_AUTH") or properties.get("AUTH") or GUEST
    if ":" not in key:
        raise Failure("the key must have the form uuid:secret; give it with --auth or OWACTORS_AUTH.", USAGE)
    return Connection(parse_apihost(host), key)


def parse_apihost(text: str) -> SplitResult:
    """The address; without a scheme it is http on loopback and https elsewhere."""
    if "://" not in text:
        text = f"{'http' if text.startswith(_LOOPBACK) else 'https'}://{text}"
    address = urlsplit(text.rstrip("/"))
    try:
        valid = address.scheme in ("http", "https") and bool(address.hostname) and address.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise Failure(f"{text} is no address of a node; write it like {LOCAL}.", USAGE)
    return address


def read_properties(file: Path) -> dict[str, str]:
    """The KEY=VALUE lines of a .wskprops file; a missing file is empty."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return {}
    pairs = [line.split("=", 1) for line in lines if "=" in line and not line.lstrip().startswith("#")]
    return {key.strip(): value.strip() for key, value in pairs}
