"""The proxy for executables keeps the contract of /init and /run."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from tests.runtime.proxies import SENTINEL, Proxy, zipped


@pytest.fixture
def proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Proxy:
    """A proxy that waits for /init."""
    monkeypatch.chdir(tmp_path)
    with Proxy("native:1", tmp_path) as started:
        yield started


def test_shell_script(proxy: Proxy) -> None:
    """Arguments in $1, `__OW_*` in the environment, the result in the last line, the rest is log."""
    assert proxy.init('#!/bin/sh\necho first\necho "{\\"args\\": $1, \\"ns\\": \\"$__OW_NAMESPACE\\"}"\n')[0] == 200
    assert proxy.run({"n": 1}, namespace="guest") == (200, {"args": {"n": 1}, "ns": "guest"})
    proxy.__exit__()
    assert proxy.out == f"first\n{SENTINEL}"
    assert proxy.err == SENTINEL


def test_script_without_first_line(proxy: Proxy) -> None:
    """It is the shell's."""
    proxy.init("echo '[1, 2]'")
    assert proxy.run() == (200, [1, 2])


def test_arguments_on_stdin(proxy: Proxy) -> None:
    """Of any size, also longer than a command line can be."""
    proxy.init("cat\necho")
    text = "x" * 500_000
    assert proxy.run({"t": text}) == (200, {"t": text})


def test_zip_with_an_executable(proxy: Proxy) -> None:
    """A file `exec` at the root and its neighbours."""
    files = {"exec": "#!/bin/sh\ncat answer.json\n", "answer.json": '{"from": "file"}\n'}
    assert proxy.init(zipped(files, modes={"exec": 0o755}), binary=True)[0] == 200
    assert proxy.run() == (200, {"from": "file"})


def test_binary(proxy: Proxy) -> None:
    """A real executable, base64."""
    code = base64.b64encode(Path("/bin/echo").read_bytes()).decode()
    assert proxy.init(code, binary=True)[0] == 200
    assert proxy.run({"echo": True}) == (200, {"echo": True})


def test_zip_without_exec(proxy: Proxy) -> None:
    """502 with upstream's words."""
    status, answer = proxy.init(zipped({"other": ""}), binary=True)
    assert status == 502
    assert answer["error"].startswith("The action failed to generate or locate a binary.")


@pytest.mark.parametrize(
    ("code", "how"), [("echo text; exit 3", "exit code 3"), ("kill -9 $$", "signal 9"), ("true", "exit code 0")]
)
def test_no_result(proxy: Proxy, code: str, how: str) -> None:
    """The text says how the program ended; its last line is in the log."""
    proxy.init(code)
    status, answer = proxy.run()
    assert status == 502
    assert answer["error"].startswith("The action did not return a dictionary")
    assert how in answer["error"]
