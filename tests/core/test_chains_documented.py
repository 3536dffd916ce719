"""The page about sequences and compositions shows the machines' own tables."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Any

import pytest

from owactors.core.controller import composition, sequence

PAGE = Path(__file__).parents[2] / "docs" / "sequences_and_compositions.md"


def rows(table: dict[tuple[Enum, type], Any]) -> str:
    lines = [f"| {s.value} | {e.__name__} | `{row.__name__.strip('_')}` |" for (s, e), row in table.items()]
    return "\n".join(["| State | Event | Row |", "|---|---|---|", *lines]) + "\n\n"


@pytest.mark.parametrize("table", [sequence._TABLE, composition._TABLE])
def test_the_page_has_every_row(table: dict[tuple[Enum, type], Any]) -> None:
    assert rows(table) in PAGE.read_text()
