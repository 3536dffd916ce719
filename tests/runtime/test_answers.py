"""What every proxy's answers need so that OpenWhisk's invoker reads them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from owactors.runtime import find_launcher
from tests.runtime.proxies import Proxy

CODE = {
    "python:3": ("def main(args):\n    return {'got': args}\n", "main"),
    "nodejs:20": ("function main(args) { return {got: args} }", "main"),
}


@pytest.fixture(params=CODE)
def proxy(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    if find_launcher(request.param) is None:
        pytest.skip(f"no {request.param} on this machine")
    monkeypatch.chdir(tmp_path)
    with Proxy(request.param, tmp_path) as running:
        code, main = CODE[request.param]
        assert running.init(code, main)[0] == 200
        yield running


@pytest.mark.scenario("WIRE-17")
@pytest.mark.parametrize("value", [{}, {"n": 1, "text": "ü\u2028"}, {"large": "x" * 100_000}])
def test_an_answer_says_how_long_it_is(proxy: Proxy, value: dict[str, object]) -> None:
    body = json.dumps({"value": value, "deadline": "1785312060352", "action_version": "0.0.1"}).encode()
    proxy.connection.request("POST", "/run", body, {"Content-Type": "application/json"})
    response = proxy.connection.getresponse()
    read = response.read()
    assert response.getheader("Content-Length") == str(len(read))
    assert response.getheader("Transfer-Encoding") is None
    assert json.loads(read) == {"got": value}
