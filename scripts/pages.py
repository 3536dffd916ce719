"""Writes the pages about state machines from their tables: .venv/bin/python scripts/pages.py

A test compares the pages with the tables, so they cannot drift.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any

from owactors.core import messagefeed
from owactors.core.containerproxy.table import TABLE as PROXY

PAGE = Path(__file__).parent.parent / "docs" / "state_machines.md"
HEAD = """# State machines

Made from the tables in the code by `scripts/pages.py`; a test keeps them equal. A row says what happens when an event
meets a state; an event without a row is a defect, which is logged with what happened before. Sequences and
compositions have a page of their own, [sequences_and_compositions.md](sequences_and_compositions.md).
"""
INTRODUCTIONS = {
    "ContainerProxy": "One per container, in `owactors/core/containerproxy`. Its parent is the container pool.",
    "MessageFeed": "One per topic that an invoker reads, in `owactors/core/messagefeed.py`.",
}


def first_line(row: Any) -> str:
    """What a row does: the first line of its docstring."""
    text = inspect.getdoc(row) or ""
    return text.partition("\n")[0].rstrip(".").replace("|", "\\|") or row.__name__


def table(rows: Mapping[tuple[Enum, type], Any]) -> list[str]:
    """The rows by state, as a table."""
    lines = ["| State | Event | Row | What happens |", "|---|---|---|---|"]
    for (state, event), row in rows.items():
        lines.append(f"| {state.value} | {event.__name__} | `{row.__name__}` | {first_line(row)} |")
    return lines


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    for name, rows in (("ContainerProxy", PROXY), ("MessageFeed", messagefeed.TRANSITIONS)):
        parts += [f"## {name}", "", INTRODUCTIONS[name], "", *table(rows), ""]
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page())
