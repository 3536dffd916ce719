"""`owactors store`: databases are made, stores are copied, and what cannot be done says why."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from owactors.store.couchdb.settings import CouchSettings
from tests.cli.conftest import Run
from tests.store.couchserver import CouchServer


@pytest.fixture
def couch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CouchSettings]:
    with CouchServer.running(tmp_path_factory.mktemp("couchdb")) as server, server.databases() as settings:
        yield settings


def words(couch: CouchSettings) -> list[str]:
    """The settings of a node that has this store."""
    chosen = {
        "store.backend": "couchdb",
        "couchdb.url": couch.url,
        "couchdb.username": couch.username,
        "couchdb.password": couch.password,
        "couchdb.prefix": couch.prefix,
    }
    return [part for key, value in chosen.items() for part in ("--set", f"{key}={value}")]


@pytest.mark.services
def test_init_users_and_copy(run: Run, couch: CouchSettings, tmp_path: Path) -> None:
    first = run("store", *words(couch), "init")
    assert first.exit_code == 0
    assert f"database {couch.activations}" in first.stdout
    assert json.loads(run("store", *words(couch), "init", "--json").stdout) == {"databases": [], "designs": []}

    key = run("user", *words(couch), "create", "mira-subject").stdout
    assert run("user", *words(couch), "get", "mira-subject").stdout == key

    folder = tmp_path / "data"
    copied = run("store", *words(couch), "copy", "--from", "couchdb", "--to", f"sqlite:{folder}", "--json")
    assert copied.exit_code == 0, copied.stderr
    assert json.loads(copied.stdout)["subjects"] == 1
    assert run("user", "--data-dir", folder, "get", "mira-subject").stdout == key

    userinfo = f"{couch.username}:{couch.password}@" if couch.username else ""
    back = f"couchdb:{couch.url.replace('://', '://' + userinfo)}#{couch.prefix}"
    again = run("store", "--data-dir", folder, "copy", "--from", "sqlite", "--to", back)
    assert again.exit_code == 0, again.stderr
    assert "1 documents were there already" in again.stderr


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (("init",), "only CouchDB needs to be prepared"),
        (("copy", "--from", "sqlite", "--to", "sqlite"), "the same store"),
        (("copy", "--from", "memory", "--to", "sqlite"), "memory is not the place of a store"),
        (("copy", "--from", "sqlite", "--to", "couchdb:db:5984"), "is not the URL of a CouchDB"),
    ],
)
def test_wrong_usage(run: Run, command: tuple[str, ...], says: str) -> None:
    result = run("store", *command)
    assert result.exit_code == 2
    assert says in result.stderr


def test_server_that_is_away(run: Run) -> None:
    result = run("store", "--set", "store.backend=couchdb", "--set", "couchdb.url=http://127.0.0.1:9", "init")
    assert result.exit_code == 6
    assert "CouchDB at http://127.0.0.1:9 does not answer" in result.stderr


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("couchdb.url=db:5984", "a URL such as http://127.0.0.1:5984"),
        ("couchdb.url=http://mira:secret@db", "keys of their own"),
        ("couchdb.prefix=Whisk_", "small letters"),
    ],
)
def test_wrong_settings(run: Run, setting: str, says: str) -> None:
    result = run("config", "--set", setting)
    assert result.exit_code == 2
    assert says in result.stderr
