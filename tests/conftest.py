"""Services that all tests of a session share, and the list of what failed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.services.kafka import kafka_address

__all__ = ["kafka_address"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--failed-to", metavar="FILE", type=Path, help="write the ids of tests that failed, a line each")


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    file = config.getoption("--failed-to")
    if file is not None:
        reports = [report for kind in ("failed", "error") for report in terminalreporter.stats.get(kind, ())]
        file.write_text("".join(f"{name}\n" for name in dict.fromkeys(report.nodeid for report in reports)))
