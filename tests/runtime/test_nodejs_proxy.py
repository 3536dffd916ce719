"""The Node.js proxy keeps the contract of /init and /run."""

from __future__ import annotations

import base64
import io
import tarfile
from pathlib import Path

import pytest

from owactors.runtime import find_launcher
from tests.runtime.proxies import SENTINEL, Proxy, zipped

pytestmark = pytest.mark.skipif(find_launcher("nodejs:18") is None, reason="node is not installed")


@pytest.fixture
def proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Proxy:
    """A proxy that waits for /init."""
    monkeypatch.chdir(tmp_path)
    with Proxy("nodejs:18", tmp_path) as started:
        yield started


@pytest.mark.parametrize(
    "code",
    [
        "function main(args) { return {n: args.n + 1} }",
        "const main = (args) => ({n: args.n + 1}) // the end",
        "exports.main = args => Promise.resolve({n: args.n + 1})",
        "module.exports = {main: async args => ({n: args.n + 1})}",
    ],
)
def test_source(proxy: Proxy, code: str) -> None:
    """A function of the text or of its exports."""
    assert proxy.init(code) == (200, {"OK": True})
    assert proxy.run({"n": 1}) == (200, {"n": 2})
    assert proxy.run({"n": 2}) == (200, {"n": 3})


def test_entry_point(proxy: Proxy) -> None:
    """Another name, also a path."""
    proxy.init("const part = {start: () => ({ok: 1})}", main="part.start")
    assert proxy.run() == (200, {"ok": 1})


def test_entry_point_that_is_no_function(proxy: Proxy) -> None:
    """502 with upstream's words."""
    status, answer = proxy.init("const x = 1")
    assert status == 502
    assert "Action entrypoint 'main' is not a function." in answer["error"]
    proxy.__exit__()
    assert (proxy.out.count(SENTINEL), proxy.err.count(SENTINEL)) == (1, 1)


def test_syntax_error(proxy: Proxy) -> None:
    """502 with the error; the log has the place too."""
    status, answer = proxy.init("const a = 1\nfunction main() {")
    assert (status, answer["error"]) == (502, "Initialization has failed due to: SyntaxError: Unexpected end of input")
    proxy.__exit__()
    assert "index.js:2\nfunction main() {" in proxy.err


def test_stacks_have_only_what_is_the_actions(proxy: Proxy) -> None:
    """Nothing of the proxy."""
    proxy.init("async function main() { return inner() }\nfunction inner() { throw new RangeError('far') }")
    stack = proxy.run()[1]["error"]["stack"]
    assert stack.startswith("RangeError: far\n    at inner (")
    assert "nodejs.js" not in stack
    assert "node:internal" not in stack


def test_states(proxy: Proxy) -> None:
    """Run before init, no code, init twice."""
    assert proxy.run()[0] == 403
    assert proxy.init("") == (403, {"error": "Missing main/no code to execute."})
    assert proxy.init("function main() {}")[0] == 200
    assert proxy.init("function main() {}")[0] == 403


def test_broken_body_and_path(proxy: Proxy) -> None:
    """Answered, not crashed."""
    assert proxy.post("/init", b"{")[0] == 500
    assert proxy.post("/other", {})[0] == 404


@pytest.mark.parametrize(
    ("code", "status", "answer"),
    [
        ("function main() {}", 200, {}),
        ("function main() { return null }", 200, None),
        ("function main() { return [1] }", 200, [1]),
        ("function main() { return 7 }", 502, {"error": "The action did not return a dictionary."}),
        ("function main() { return Promise.reject({code: 5}) }", 200, {"error": {"code": 5}}),
        ("function main() { return Promise.reject() }", 200, {"error": {}}),
        ("function main() { throw new Error('no') }", 502, {"error": "An error has occurred: Error: no"}),
    ],
)
def test_results(proxy: Proxy, code: str, status: int, answer: object) -> None:
    """What is returned, rejected and thrown."""
    proxy.init(code)
    assert proxy.run() == (status, answer)


def test_rejected_error(proxy: Proxy) -> None:
    """An Error becomes an object."""
    proxy.init("async function main() { throw Object.assign(new TypeError('no'), {code: 3}) }")
    status, answer = proxy.run()
    assert status == 200
    assert (answer["error"]["name"], answer["error"]["message"], answer["error"]["code"]) == ("TypeError", "no", 3)


def test_rejected_values_become_json(proxy: Proxy) -> None:
    """Circles, functions and errors inside of errors."""
    proxy.init(
        "async function main() { const e = new Error('out');"
        " throw Object.assign(e, {self: e, f: () => 1, cause: new Error('in')}) }"
    )
    error = proxy.run()[1]["error"]
    assert (error["message"], error["self"], error["cause"]["message"]) == ("out", "[Circular]", "in")
    assert "f" not in error


def test_complaints_are_logged(proxy: Proxy) -> None:
    """Why a result was refused is in the action's log."""
    proxy.init("function main(a) { if (a.t) throw a.t; return 7 }")
    proxy.run()
    proxy.run({"t": {"code": 1}})
    proxy.__exit__()
    refused, thrown, _ = proxy.err.split(SENTINEL)
    assert refused == 'Result must be of type object but has type "number": 7\n'
    assert thrown == "{ code: 1 }\n"


def test_zip(proxy: Proxy) -> None:
    """package.json with main, modules of node_modules, a symbolic link."""
    files = {
        "package.json": '{"main": "lib/start.js"}',
        "lib/start.js": "const up = require('upper'); exports.main = a => ({t: up(a.t) + require('./linked').x})",
        "node_modules/upper/index.js": "module.exports = t => t.toUpperCase()",
        "lib/real.js": "exports.x = '!'",
    }
    assert proxy.init(zipped(files, {"lib/linked.js": "real.js"}), binary=True)[0] == 200
    assert proxy.run({"t": "abc"}) == (200, {"t": "ABC!"})


def test_zip_of_an_es_module(proxy: Proxy) -> None:
    """`"type": "module"`."""
    files = {
        "package.json": '{"type": "module", "main": "a.mjs"}',
        "a.mjs": "export function main () { return {esm: 1} }",
    }
    assert proxy.init(zipped(files), binary=True)[0] == 200
    assert proxy.run() == (200, {"esm": 1})


def test_tar(proxy: Proxy) -> None:
    """A gzipped tar counts as well."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as archive:
        text = b"exports.main = () => ({tar: 1})"
        info = tarfile.TarInfo("index.js")
        info.size = len(text)
        archive.addfile(info, io.BytesIO(text))
    assert proxy.init(base64.b64encode(data.getvalue()).decode(), binary=True)[0] == 200
    assert proxy.run() == (200, {"tar": 1})


def test_zip_without_entry(proxy: Proxy) -> None:
    """Upstream's words."""
    words = "Zipped actions must contain either package.json or index.js at the root."
    answer = {"error": f"Initialization has failed due to: {words}"}
    assert proxy.init(zipped({"other.js": ""}), binary=True) == (502, answer)


def test_broken_zip(proxy: Proxy) -> None:
    """Upstream's words; the log says more."""
    words = "Initialization has failed due to: There was an error uncompressing the action archive."
    assert proxy.init("UEsDBAoAAAAAAA==", binary=True) == (502, {"error": words})


def test_environment(proxy: Proxy) -> None:
    """Values of /init and of each /run."""
    code = "function main() { const e = process.env; return {a: e.A, b: e.B, c: e.C, k: e.__OW_API_KEY || null} }"
    proxy.init(code, env={"A": "text", "B": [1], "C": None})
    assert proxy.run(api_key="k")[1] == {"a": "text", "b": "[1]", "c": "", "k": "k"}
    assert proxy.run()[1]["k"] is None


def test_sentinels_and_output(proxy: Proxy) -> None:
    """Once per run on both streams, after the output, also if the action takes its streams away."""
    proxy.init("function main(a) { console.log('out'); console.error('err'); if (a.x) { process.stdout.end() } }")
    proxy.run()
    proxy.run({"x": 1})
    proxy.__exit__()
    assert proxy.out == f"out\n{SENTINEL}" * 2
    assert proxy.err.count(SENTINEL) == 2
