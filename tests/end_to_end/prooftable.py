"""The table of what became of calls, as it stands in docs/guarantees.md."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from tests.end_to_end.proof import Row

PAGE = Path(__file__).parents[2] / "docs" / "guarantees.md"
BEGIN, END = "<!-- table made by tests/end_to_end/test_proof.py -->", "<!-- end of the table -->"
HEAD = (
    "| While all hosts call | over | calls | refused | accepted | ran well | ended with an error | without a record "
    "| ran twice | trouble, s | all up, s |\n|---|---|---|---|---|---|---|---|---|---|---|"
)


def write_table(rows: Sequence[Row]) -> None:
    """Puts it between its marks; nothing else of the page changes."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    load = f"Load average {os.getloadavg()[1]:.1f} on {os.cpu_count()} cores."
    table = "\n".join([BEGIN, HEAD, *(_line(row) for row in rows), "", load, END])
    PAGE.write_text(before + table + after)


def _line(row: Row) -> str:
    cells = (
        *(row.event, row.setting, row.calls, row.refused, row.acknowledged, row.succeeded, row.failed),
        *(row.lost, row.twice, f"{row.troubled_seconds:.1f}", f"{row.whole_seconds:.1f}"),
    )
    return "| " + " | ".join(str(cell) for cell in cells) + " |"
