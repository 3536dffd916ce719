"""From a file or folder to an action's document."""

from __future__ import annotations

import base64
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from owactors.cli import bundle as bundling
from owactors.cli.bundle import bundle
from owactors.cli.failure import Failure
from tests.cli.conftest import Run
from tests.cli.fakenode import FakeNode

GREET = "namespaces/_/actions/greet"


def names_in(code: str) -> list[str]:
    return zipfile.ZipFile(io.BytesIO(base64.b64decode(code))).namelist()


def test_a_source_file_becomes_an_action(run: Run, node: FakeNode, tmp_path: Path) -> None:
    node.answers("PUT", GREET, (200, {"version": "0.0.2"}))
    file = tmp_path / "greet.py"
    file.write_text("def main(args): return args")

    result = run(
        *("deploy", file, "--memory", 128, "--timeout", 5000, "-p", "name", "Ada", "-a", "note", "[1]"),
        *("--main", "main", "--web", "raw"),
        node=node,
    )

    assert result.exit_code == 0
    assert "deployed greet (python:default, version 0.0.2)" in result.stderr
    [asked] = node.asked
    assert asked.query == {"overwrite": "true"}
    assert asked.body == {
        "namespace": "_",
        "name": "greet",
        "exec": {"kind": "python:default", "code": file.read_text(), "binary": False, "main": "main"},
        "limits": {"memory": 128, "timeout": 5000},
        "parameters": [{"key": "name", "value": "Ada"}],
        "annotations": [
            {"key": "web-export", "value": True},
            {"key": "raw-http", "value": True},
            {"key": "final", "value": True},
            {"key": "note", "value": [1]},
        ],
    }


def test_a_folder_becomes_a_zip_without_what_does_not_belong(run: Run, node: FakeNode, tmp_path: Path) -> None:
    node.answers("PUT", GREET, (200, {"version": "0.0.1"}))
    folder = tmp_path / "greet"
    for name in ("__main__.py", "lib/words.py", "__pycache__/x.pyc", ".git/HEAD", ".venv/x"):
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)

    result = run("deploy", folder, "--json", node=node)

    exec_ = node.asked[0].body["exec"]
    assert json.loads(result.stdout) == {"version": "0.0.1"}
    assert (exec_["kind"], exec_["binary"]) == ("python:default", True)
    assert names_in(exec_["code"]) == ["__main__.py", "lib/words.py"]
    assert bundle(folder) == bundle(folder)


def test_requirements_are_installed_into_the_virtualenv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The requirement is a package made here, so that nothing is downloaded."""
    monkeypatch.chdir(tmp_path)
    folder = Path("greet")
    folder.mkdir()
    wheel = folder / "tinypkg-1.0-py3-none-any.whl"
    info = "tinypkg-1.0.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tinypkg.py", "ANSWER = 42")
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tinypkg\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    (folder / "__main__.py").write_text("import tinypkg")
    (folder / "requirements.txt").write_text(f"./{wheel.name}")

    made = bundle(folder)
    unpacked = tmp_path / "unpacked"
    zipfile.ZipFile(io.BytesIO(made.content)).extractall(unpacked)
    script = unpacked / "virtualenv" / "bin" / "activate_this.py"
    code = f"exec(open({str(script)!r}).read(), {{'__file__': {str(script)!r}}}); import tinypkg; print(tinypkg.ANSWER)"

    assert subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True).stdout == "42\n"


def test_a_package_that_cannot_be_installed_is_told(tmp_path: Path) -> None:
    (tmp_path / "__main__.py").write_text("")
    (tmp_path / "requirements.txt").write_text("./missing-1.0-py3-none-any.whl")

    with pytest.raises(Failure, match=r"pip could not install.*\n.*missing-1\.0"):
        bundle(tmp_path)


def test_node_packages_need_npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "package.json").write_text("{}")
    monkeypatch.setattr(bundling.shutil, "which", lambda name: None)

    with pytest.raises(Failure, match="needs npm"):
        bundle(tmp_path)


def test_a_zip_is_sent_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "a.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("package.json", "{}")

    made = bundle(file)

    assert (made.kind, made.content, made.binary) == ("nodejs:default", file.read_bytes(), True)


@pytest.mark.parametrize(
    ("name", "content", "kind", "binary"),
    [
        ("a.js", b"function main() {}", "nodejs:default", False),
        ("a.sh", b"echo {}", "native:default", False),
        ("tool", b"#!/bin/sh\necho {}", "native:default", False),
        ("tool", b"\x7fELF\xff", "native:default", True),
        ("a.jar", b"PK\xff", "java:default", True),
    ],
)
def test_the_kind_is_seen_in_the_file(tmp_path: Path, name: str, content: bytes, kind: str, binary: bool) -> None:
    (tmp_path / name).write_bytes(content)

    made = bundle(tmp_path / name)

    assert (made.kind, made.binary) == (kind, binary)


def test_a_folder_with_an_executable_is_native(tmp_path: Path) -> None:
    (tmp_path / "exec").write_text("#!/bin/sh")

    assert bundle(tmp_path).kind == "native:default"


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [("a.zip", b"no zip", "is no zip archive"), ("a.txt", b"text", "--kind"), ("folder/x.txt", b"", "is no action")],
)
def test_what_is_no_action_is_refused(run: Run, tmp_path: Path, name: str, content: bytes, text: str) -> None:
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(content)

    result = run("deploy", file if file.parent == tmp_path else file.parent)

    assert result.exit_code == 2
    assert text in result.stderr
