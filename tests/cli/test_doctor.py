"""What doctor finds, and what it advises."""

from __future__ import annotations

import json
import socket
import threading
from pathlib import Path

import pytest

from owactors.cli import checks
from owactors.cli.protections import protections, table
from owactors.node.settings import Settings, load
from tests.cli.conftest import Run


def settings(**overrides: object) -> Settings:
    return load(overrides={name.replace("__", "."): value for name, value in overrides.items()}, environ={})


def test_doctor_names_every_part(run: Run, tmp_path: Path) -> None:
    result = run("doctor", "--json", "--set", f"node.data_dir={tmp_path / 'new'}", "--set", "node.port=0")

    told = json.loads(result.stdout)
    names = [check["name"] for check in told["checks"]]
    assert names == ["python", "data folder", "port", "bubblewrap", "cgroups", "node.js", "packages", "docker"]
    assert {"file system", "memory", "system calls"} <= {shield["name"] for shield in told["protections"]}
    assert not (tmp_path / "new").exists()


def test_a_problem_ends_doctor_with_1_and_an_advice(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    result = run("doctor", "--set", "node.port=0", "--set", f"node.data_dir={tmp_path}/file/data")

    assert result.exit_code == 1
    assert f"problem  data folder: {tmp_path}/file/data cannot be written" in result.stdout
    assert "--data-dir" in result.stdout


@pytest.mark.parametrize("backend", ["sandbox", "docker"])
def test_doctor_shows_what_holds_an_action_back(run: Run, tmp_path: Path, backend: str) -> None:
    place = ("--set", f"node.data_dir={tmp_path}", "--set", "node.port=0", "--set", f"docker.host=unix://{tmp_path}/s")
    result = run("doctor", "--set", f"containers.backend={backend}", *place)

    _, found, shown = result.stdout.partition(f"What holds an action back ({backend}):\n")
    assert found
    rows = [line.split(maxsplit=1) for line in shown.splitlines()]
    assert len(rows) > 5
    assert all((line[2:].split("  ")[0] and " on " in line) or " off " in line for line in shown.splitlines())
    assert list(tmp_path.iterdir()) == []


def test_what_is_switched_off_is_shown_with_the_reason() -> None:
    found = protections(settings(sandbox__zygote=False, sandbox__bubblewrap=False, sandbox__cgroups=False))

    shown = dict(zip([p.name for p in found], table(found), strict=True))
    assert shown["file system"].endswith("off  switched off (setting)")
    assert "no zygote: switched off (setting)" in shown["fast start"]


def test_a_port_in_use_is_a_problem() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        found = checks.port("127.0.0.1", other.getsockname()[1])

    assert found.status == checks.PROBLEM
    assert "in use" in found.text


def test_what_is_missing_comes_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks.shutil, "which", lambda name: None)

    assert "apt-get install bubblewrap" in checks.bubblewrap(settings()).text
    assert checks.bubblewrap(settings(sandbox__bubblewrap=False)).advice == "See sandbox.bubblewrap."
    assert checks.node_js().advice == "Debian: apt-get install nodejs"
    assert "no npm" in checks.installer().text


def test_docker_is_a_problem_only_where_it_is_the_back_end(tmp_path: Path) -> None:
    gone = f"unix://{tmp_path}/none.sock"

    assert checks.docker(settings(docker__host=gone)).status == checks.NOTE
    assert checks.docker(settings(docker__host=gone, containers__backend="docker")).status == checks.PROBLEM


def test_a_docker_engine_is_found_by_its_ping(tmp_path: Path) -> None:
    path = tmp_path / "d.sock"
    with socket.socket(socket.AF_UNIX) as engine:
        engine.bind(str(path))
        engine.listen()

        def answer() -> None:
            link, _ = engine.accept()
            with link:
                link.recv(100)
                link.sendall(b"HTTP/1.0 200 OK\r\n\r\nOK")

        thread = threading.Thread(target=answer)
        thread.start()
        assert checks.docker(settings(docker__host=f"unix://{path}")).status == checks.OK
        thread.join()


def test_a_couchdb_is_looked_for_only_when_it_is_the_store() -> None:
    chosen = settings(store__backend="couchdb", couchdb__url="http://127.0.0.1:9")
    check = checks.couchdb(chosen)
    assert (check.name, check.status) == ("couchdb", checks.PROBLEM)
    assert "http://127.0.0.1:9 does not answer" in check.text
    assert "couchdb.url" in check.advice
