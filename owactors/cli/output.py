"""How results look: JSON for scripts, tables and colours for people. Results go to stdout, remarks to stderr."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import click

json_option = click.option("--json", "as_json", is_flag=True, help="Write JSON, for scripts.")


def write_json(value: Any) -> None:
    """`value`, indented, to stdout."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def remark(text: str) -> None:
    """A line for people, to stderr."""
    click.echo(text, err=True)


def done(text: str) -> None:
    """`ok: …` to stderr."""
    remark(f"{click.style('ok:', fg='green')} {text}")


def write_table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as their widest cell; the last one is not padded."""
    widths = [max(map(len, column)) for column in zip(titles, *rows, strict=True)]
    for number, row in enumerate([titles, *rows]):
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        line = "  ".join(cells).rstrip()
        click.echo(click.style(line, bold=True) if number == 0 else line)


def moment(epoch_ms: int) -> str:
    """Local date and time of day."""
    return datetime.fromtimestamp(epoch_ms / 1000, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def milliseconds(value: float) -> str:
    """`35 ms`, or `2.4 s` from ten seconds on."""
    return f"{value:.0f} ms" if value < 10_000 else f"{value / 1000:.1f} s"
