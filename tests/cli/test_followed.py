"""Lines of calls that run, and of those that have ended, each written once."""

from __future__ import annotations

from typing import Any

import pytest

from owactors.cli.logs import Followed

ONE, TWO = "1" * 32, "2" * 32


def lines(activation_id: str, *texts: str, name: str = "pkg/a") -> dict[str, Any]:
    return {"activationId": activation_id, "name": name, "lines": list(texts)}


def record(activation_id: str, *texts: str) -> dict[str, Any]:
    return {"activationId": activation_id, "name": "a", "logs": list(texts)}


@pytest.mark.parametrize(
    ("found", "shown"),
    [
        ([record(ONE, "x", "y")], [f"-- a {ONE}", "x", "y"]),
        ([record(ONE)], [f"-- a {ONE}"]),
        ([lines(ONE, "x"), lines(ONE, "y"), record(ONE, "x", "y", "z")], [f"-- a {ONE}", "x", "y", "z"]),
        (
            [lines(ONE, "x"), lines(TWO, "u"), lines(ONE, "y"), record(TWO, "u"), record(ONE, "x", "y")],
            [f"-- a {ONE}", "x", f"-- a {TWO}", "u", f"-- a {ONE}", "y"],
        ),
        ([record(ONE, "x"), lines(ONE, "x"), record(ONE, "x")], [f"-- a {ONE}", "x"]),
        ([lines(ONE, "x"), record(ONE)], [f"-- a {ONE}", "x"]),
    ],
    ids=["record", "silent", "live", "mixed", "late", "out of band"],
)
def test_each_line_once(capsys: pytest.CaptureFixture[str], found: list[Any], shown: list[str]) -> None:
    Followed(strip=False).write(found)
    assert capsys.readouterr().out.splitlines() == shown
