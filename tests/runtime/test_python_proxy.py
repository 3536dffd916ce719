"""The Python proxy keeps the contract of /init and /run."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from tests.runtime.proxies import SENTINEL, Proxy, zipped

ECHO = "def main(args):\n    return args\n"


@pytest.fixture
def proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Proxy:
    """A proxy that waits for /init."""
    monkeypatch.chdir(tmp_path)
    with Proxy("python:3", tmp_path) as started:
        yield started


def test_source(proxy: Proxy) -> None:
    """Text with a `main`."""
    assert proxy.init(ECHO) == (200, {"ok": True})
    assert proxy.run({"a": ["ü", None, 1.5]}) == (200, {"a": ["ü", None, 1.5]})


def test_other_entry_point(proxy: Proxy) -> None:
    """`main` names any function."""
    proxy.init("def start(args):\n    return {'n': 1}\n", main="start")
    assert proxy.run() == (200, {"n": 1})


def test_missing_entry_point(proxy: Proxy) -> None:
    """The text names it."""
    status, answer = proxy.init("x = 1\n")
    assert status == 502
    assert answer["error"].startswith("Cannot start action. Check logs for details.")
    assert "'main'" in answer["error"]


def test_no_code(proxy: Proxy) -> None:
    """403, as upstream; the container can still be initialised."""
    assert proxy.init("") == (403, {"error": "Missing main/no code to execute."})
    assert proxy.post("/init", {"value": None})[0] == 403
    assert proxy.init(ECHO)[0] == 200


def test_init_twice(proxy: Proxy) -> None:
    """Only the first counts."""
    proxy.init(ECHO)
    assert proxy.init(ECHO) == (403, {"error": "Cannot initialize the action more than once."})


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff\xfe"])
def test_broken_init_body(proxy: Proxy, body: bytes) -> None:
    """400 with the reason."""
    status, answer = proxy.post("/init", body)
    assert status == 400
    assert answer["error"].startswith("Error unmarshaling request")


def test_bad_base64(proxy: Proxy) -> None:
    """400."""
    status, answer = proxy.init("ü", binary=True)
    assert status == 400
    assert answer["error"].startswith("cannot decode the request")


def test_run_before_init(proxy: Proxy) -> None:
    """500."""
    assert proxy.run() == (500, {"error": "no action defined yet"})


def test_unknown_path(proxy: Proxy) -> None:
    """404."""
    assert proxy.post("/nothing", {})[0] == 404


def test_zip_with_modules(proxy: Proxy) -> None:
    """`__main__.py` at the root, its neighbours importable, also one that has the name of a proxy's module."""
    code = zipped(
        {
            "__main__.py": "import server, part.inner\ndef main(a):\n    return {'x': server.X + part.inner.Y}\n",
            "server.py": "X = 1\n",
            "part/__init__.py": "",
            "part/inner.py": "Y = 2\n",
        }
    )
    assert proxy.init(code, binary=True)[0] == 200
    assert proxy.run() == (200, {"x": 3})


def test_zip_with_virtualenv(proxy: Proxy) -> None:
    """Packages of the virtual environment, through activate_this.py where there is one."""
    files = {
        "__main__.py": "import packed\ndef main(a):\n    return {'packed': packed.NAME}\n",
        "virtualenv/bin/activate_this.py": (
            "import os, sys\nbase = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))\n"
            "sys.path.insert(0, os.path.join(base, 'here'))\n"
        ),
        "virtualenv/here/packed.py": "NAME = 'by activate_this'\n",
    }
    assert proxy.init(zipped(files), binary=True)[0] == 200
    assert proxy.run() == (200, {"packed": "by activate_this"})


def test_zip_with_plain_venv(proxy: Proxy) -> None:
    """`python -m venv` writes no activate_this.py; its packages, .pth files and links count all the same."""
    files = {
        "__main__.py": "import packed, linked\ndef main(a):\n    return {'n': packed.N + linked.N}\n",
        "virtualenv/lib/python3.11/site-packages/packed.py": "N = 1\n",
        "virtualenv/lib/python3.11/site-packages/more.pth": "../elsewhere\n",
        "virtualenv/lib/python3.11/elsewhere/other.py": "N = 2\n",
    }
    code = zipped(files, {"virtualenv/lib/python3.11/elsewhere/linked.py": "other.py"})
    assert proxy.init(code, binary=True)[0] == 200
    assert proxy.run() == (200, {"n": 3})


@pytest.mark.parametrize(
    ("files", "text"),
    [
        ({"other.py": ""}, "Zip file does not include mandatory files"),
        ({"__main__.py": ECHO, "virtualenv/bin/python": ""}, "does not include 'activate_this.py'"),
    ],
)
def test_zip_that_lacks_something(proxy: Proxy, files: dict[str, str], text: str) -> None:
    """The text says what."""
    status, answer = proxy.init(zipped(files), binary=True)
    assert status == 502
    assert text in answer["error"]


def test_broken_zip(proxy: Proxy) -> None:
    """502."""
    assert proxy.init("YWJj", binary=True)[0] == 502


def test_environment_of_init_and_run(proxy: Proxy) -> None:
    """Values that are no text become JSON; what a run does not bring is not left over from the one before."""
    proxy.init(
        "import os\ndef main(a):\n    return {k: os.environ.get(k) for k in ('A', 'B', '__OW_API_KEY', '__OW_N')}\n",
        env={"A": "text", "B": {"x": 1}},
    )
    assert proxy.run(api_key="k", n=5)[1] == {"A": "text", "B": '{"x": 1}', "__OW_API_KEY": "k", "__OW_N": "5"}
    assert proxy.run()[1] == {"A": "text", "B": '{"x": 1}', "__OW_API_KEY": None, "__OW_N": None}


def test_exception(proxy: Proxy) -> None:
    """200 with the text; the trace shows the action's line and nothing of the proxy."""
    proxy.init("def main(args):\n    return args['missing']\n")
    assert proxy.run() == (200, {"error": "'missing'"})
    proxy.__exit__()
    assert "return args['missing']" in proxy.err
    assert "python_proxy" not in proxy.err


def test_import_error_at_init(proxy: Proxy) -> None:
    """502, the trace and the sentinels in the logs."""
    status, answer = proxy.init("import no_such_module\n")
    assert status == 502
    assert "no_such_module" in answer["error"]
    proxy.__exit__()
    assert "ModuleNotFoundError" in proxy.err
    assert (proxy.out.count(SENTINEL), proxy.err.count(SENTINEL)) == (1, 1)


def test_exit_call(proxy: Proxy) -> None:
    """sys.exit() is the end of the command, not a result."""
    proxy.init("import sys\ndef main(args):\n    sys.exit(3)\n")
    status, answer = proxy.run()
    assert status == 400
    assert answer["error"].startswith("command exited")


def test_memory_error_ends_the_process(proxy: Proxy) -> None:
    """With the exit code that says so, and with the sentinels written."""
    proxy.init("def main(args):\n    raise MemoryError()\n")
    with pytest.raises((ConnectionError, OSError)):
        proxy.run()
    assert proxy.process.wait(10) == 122
    proxy.__exit__()
    assert (proxy.out.count(SENTINEL), proxy.err.count(SENTINEL)) == (1, 1)


def test_sentinels_once_per_run(proxy: Proxy) -> None:
    """After the output of the run, also behind a line without end."""
    proxy.init(
        "import sys\ndef main(args):\n    print('out', end='')\n    print('err', file=sys.stderr)\n    return {}\n"
    )
    proxy.run()
    proxy.run()
    proxy.__exit__()
    assert proxy.out == f"out{SENTINEL}" * 2
    assert proxy.err == f"err\n{SENTINEL}" * 2


def test_unicode_that_cannot_be_encoded(proxy: Proxy) -> None:
    """A lone surrogate harms neither output nor result."""
    proxy.init("def main(args):\n    print('\\ud800')\n    return {'x': '\\ud800'}\n")
    status, answer = proxy.run()
    assert status == 200
    assert answer == {"x": "\ud800"}


def test_main_thread_and_signals(proxy: Proxy) -> None:
    """User code runs where it may use signals and its own event loop."""
    proxy.init(
        "import asyncio, signal\ndef main(args):\n    signal.signal(signal.SIGALRM, lambda *a: None)\n"
        "    async def f():\n        return {'ok': 1}\n    return asyncio.run(f())\n"
    )
    assert proxy.run() == (200, {"ok": 1})


def test_several_connections(proxy: Proxy) -> None:
    """A second connection is served too, and one that is closed in mid-request does no harm."""
    proxy.init(ECHO)
    for data in (b"POST /run HTTP/1.1\r\nContent-Length: 100\r\n\r\n{", b"nonsense\r\n\r\n", b""):
        with socket.socket(socket.AF_UNIX) as other:
            other.connect("s")
            other.sendall(data)
    assert proxy.run({"n": 1}) == (200, {"n": 1})


def test_large_result(proxy: Proxy) -> None:
    """Several megabytes."""
    proxy.init("def main(args):\n    return {'x': 'y' * 3_000_000}\n")
    assert len(json.dumps(proxy.run()[1])) > 3_000_000
