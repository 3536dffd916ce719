"""The table of what became of calls, as it stands in docs/guarantees.md."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.end_to_end.proof import Row, Setting

PAGE = Path(__file__).parents[2] / "docs" / "guarantees.md"
BEGIN, END = "<!-- table made by tests/end_to_end/test_proof.py -->", "<!-- end of the table -->"
HEAD = (
    "| Hosts | Over | While all hosts call | calls | refused | accepted | ran well | ended with an error "
    "| without a record | ran twice | trouble, s | all up, s | load |\n" + 13 * "|---" + "|"
)
TRANSPORTS = ("actors", "HTTP first", "Kafka")


def write_table(rows: Sequence[Row]) -> None:
    """Puts these rows into the page; others of it stay as they are."""
    if rows:
        PAGE.write_text(with_rows(PAGE.read_text(), rows, time.strftime("%Y-%m-%d")))


def with_rows(page: str, rows: Sequence[Row], date: str) -> str:
    """The page with these rows in place of those of the same setting and event; `date` of these settings' last run."""
    before, _, rest = page.partition(BEGIN)
    table, _, after = rest.partition(END)
    made = [_note(setting, date) for setting in {row.setting for row in rows}]
    lines = _by_key(_key, [*_starting("| ", table), *map(_line, rows)])
    notes = _by_key(_note_key, [*_starting("- ", table), *made])
    return before + "\n".join([BEGIN, HEAD, *lines, "", *notes, END]) + after


def _line(row: Row) -> str:
    cells = (
        *(row.setting.hosts, row.setting.transport, row.event),
        *(row.calls, row.refused, row.acknowledged, row.succeeded, row.failed),
        *(row.lost, row.twice, f"{row.troubled_seconds:.1f}", f"{row.whole_seconds:.1f}", f"{row.load:.1f}"),
    )
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def _note(setting: Setting, date: str) -> str:
    return f"- {setting}: last run on {date}, {os.cpu_count()} cores."


def _starting(mark: str, table: str) -> list[str]:
    return [line for line in table.splitlines() if line.startswith(mark) and line not in HEAD.splitlines()]


def _by_key(key: Callable[[str], tuple[str, ...]], lines: Sequence[str]) -> list[str]:
    """The last of each key, where the first of it was; in the order of the settings."""
    found = {key(line): line for line in lines}
    return [found[each] for each in sorted(found, key=_place)]


def _key(line: str) -> tuple[str, ...]:
    hosts, transport, event = (cell.strip() for cell in line.split("|")[1:4])
    return hosts, transport, event


def _note_key(note: str) -> tuple[str, ...]:
    hosts, _, transport = note.removeprefix("- ").partition(":")[0].partition(" hosts over ")
    return hosts, transport


def _place(key: tuple[str, ...]) -> tuple[int, int]:
    """More hosts first; what is alike stays in its order."""
    return -int(key[0]), TRANSPORTS.index(key[1])
