"""Proxies that were given a key obey nobody who does not know it."""

from __future__ import annotations

from pathlib import Path

import pytest

from owactors.runtime import find_launcher
from tests.runtime.proxies import Proxy

CODE = {
    "python:3": "import os\ndef main(args):\n    return {'keys': [n for n in os.environ if 'OWACTORS' in n]}\n",
    "nodejs:20": "function main () { return { keys: Object.keys(process.env).filter(n => n.includes('OWACTORS')) } }",
}


@pytest.mark.parametrize("kind", sorted(CODE))
def test_a_proxy_with_a_key(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The action does not see it in its environment."""
    if find_launcher(kind) is None:
        pytest.skip(f"{kind} is not installed")
    monkeypatch.chdir(tmp_path)
    init = {"value": {"name": "x", "main": "main", "code": CODE[kind]}}
    with Proxy(kind, tmp_path, __OWACTORS_KEY="right") as proxy:
        for headers in ({}, {"X-Owactors-Key": "wrong"}, {"X-Owactors-Key": "right2"}):
            assert proxy.post("/init", init, **headers)[0] == 403
        assert proxy.post("/init", init, **{"x-owactors-key": "right"})[0] == 200
        assert proxy.post("/run", {"value": {}})[0] == 403
        assert proxy.post("/run", {"value": {}}, **{"X-Owactors-Key": "right"}) == (200, {"keys": []})
