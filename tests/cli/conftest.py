"""A fake node, and the command line run against it in a clean environment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from owactors.cli.root import root
from tests.cli.fakenode import FakeNode, fake_node

Run = Callable[..., Result]


@pytest.fixture
def node() -> Iterator[FakeNode]:
    with fake_node() as running:
        yield running


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `owactors` with these words; nothing of the machine's own configuration is seen."""
    for name in ("OWACTORS_APIHOST", "OWACTORS_AUTH", "WSK_CONFIG_FILE", "OWACTORS_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    runner = CliRunner()

    def run(*words: object, node: FakeNode | None = None) -> Result:
        if node is not None:
            monkeypatch.setenv("OWACTORS_APIHOST", node.address)
        result = runner.invoke(root, [str(word) for word in words])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run
