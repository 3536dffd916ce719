"""The command as a whole: help, connection, settings, start."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from owactors.cli.connection import GUEST, LOCAL, connect, parse_apihost, read_properties
from owactors.cli.failure import Failure
from owactors.cli.root import COMMANDS
from owactors.cli.serving import check_address
from owactors.cli.settingsdoc import page
from tests.cli.conftest import Run

PROJECT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("command", [name for name in COMMANDS if name != "tour"])
def test_every_command_explains_itself(run: Run, command: str) -> None:
    result = run(command, "--help")

    assert result.exit_code == 0
    assert "Usage: " in result.stdout


def test_help_tells_the_exit_codes(run: Run) -> None:
    help_text = run("--help").stdout

    assert "5  no node could be reached" in help_text
    for command in ("standalone", "invoke", "doctor"):
        assert command in help_text


def test_an_unknown_command_is_wrong_usage(run: Run) -> None:
    assert run("invok").exit_code == 2


def test_help_needs_no_heavy_library() -> None:
    """The command starts fast because it imports nothing of the node."""
    code = (
        "import sys; sys.argv[1:] = ['invoke', '--help']\n"
        "from owactors.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'thespian', 'starlette', 'uvicorn', 'asyncio', 'sqlite3', 'prometheus_client'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else 0)"
    )

    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert (ended.returncode, ended.stderr) == (0, "")


def test_options_win_over_the_environment_and_that_over_wskprops(tmp_path: Path) -> None:
    properties = tmp_path / "wskprops"
    properties.write_text("# comment\nAPIHOST=http://file:1/\nAUTH=file:key\nbroken line\n")
    environ = {"WSK_CONFIG_FILE": str(properties)}

    assert connect(None, None, environ).address == "http://file:1"
    assert connect(None, None, environ).auth == "file:key"
    assert connect(None, None, {**environ, "OWACTORS_APIHOST": "http://env:2"}).address == "http://env:2"
    assert connect("http://option:3", "o:k", {**environ, "OWACTORS_AUTH": "e:k"}).auth == "o:k"


def test_without_anything_the_local_guest_is_meant(tmp_path: Path) -> None:
    found = connect(None, None, {"WSK_CONFIG_FILE": str(tmp_path / "none")})

    assert (found.address, found.auth) == (LOCAL, GUEST)
    assert read_properties(tmp_path) == {}


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("localhost:3233", "http://localhost:3233"),
        ("example.org", "https://example.org"),
        ("http://h/x/", "http://h/x"),
    ],
)
def test_addresses(text: str, address: str) -> None:
    assert parse_apihost(text).geturl() == address


@pytest.mark.parametrize("text", ["ftp://h", "http://", "http://h:port"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(Failure, match="no address of a node"):
        parse_apihost(text)


def test_a_key_has_two_halves() -> None:
    with pytest.raises(Failure, match="uuid:secret"):
        connect(None, "half", {"WSK_CONFIG_FILE": "/dev/null"})


def test_config_shows_values_with_their_origin(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OWACTORS_NODE_PORT", "4000")
    monkeypatch.setenv("CONFIG_whisk_kafka_hosts", "k")

    table = run("config", "--set", "store.backend=memory", "--changed")
    as_json = json.loads(run("config", "--json").stdout)

    assert [line.split() for line in table.stdout.splitlines()[1:]] == [
        ["node.port", "4000", "environment", "OWACTORS_NODE_PORT"],
        ["store.backend", "memory", "command", "line"],
    ]
    assert "CONFIG_whisk_kafka_hosts" in table.stderr
    assert as_json["node.port"] == {"value": 4000, "origin": "environment OWACTORS_NODE_PORT"}


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("--set", "store.backend"), "expected section.key=value"),
        (("--set", "store.backnd=memory"), "Did you mean store.backend?"),
        (("--set", "store.backend=disk"), "one of sqlite, memory"),
        (("--config", "/nonexistent/x.toml"), "/nonexistent/x.toml"),
    ],
)
def test_wrong_settings_are_wrong_usage(run: Run, words: tuple[str, ...], text: str) -> None:
    for command in ("config", "standalone"):
        result = run(command, *words)

        assert result.exit_code == 2
        assert text in result.stderr


def test_the_reference_of_settings_is_up_to_date(run: Run) -> None:
    """Mend with: owactors config --markdown > docs/settings.md"""
    assert (PROJECT / "docs" / "settings.md").read_text() == page() == run("config", "--markdown").stdout


def test_a_port_in_use_is_told_before_anything_starts(run: Run) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        result = run("standalone", "--port", port)

    assert result.exit_code == 5
    assert f"port {port} is in use" in result.stderr


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(Failure, match="no address of this machine"):
        check_address("192.0.2.1", 0)


def test_version_names_what_it_stands_on(run: Run) -> None:
    assert set(json.loads(run("version", "--json").stdout)) == {"owactors", "python", "thespian"}
    assert run("version").stdout.startswith("owactors ")


def test_the_package_runs_as_the_command() -> None:
    said = subprocess.run([sys.executable, "-m", "owactors", "--help"], capture_output=True, text=True, cwd=PROJECT)

    assert said.returncode == 0
    assert said.stdout.startswith("Usage: owactors ")
