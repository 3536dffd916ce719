"""Every row of what is easily missed on the wire has a test that is marked with it."""

from __future__ import annotations

import re
from pathlib import Path

ROWS = 28
#: rows about the second generation of OpenWhisk's wire, which is not spoken here; docs/differences/connector.md says so
NOT_SPOKEN = {"25", "26", "27"}
_MARK = re.compile(r'scenario\("WIRE-(\d\d)"\)')
TESTS = Path(__file__).parents[1]


def marked() -> set[str]:
    """The rows that tests are marked with."""
    return {row for file in TESTS.rglob("test_*.py") for row in _MARK.findall(file.read_text())}


def test_every_row_has_a_test() -> None:
    rows = {f"{number:02}" for number in range(1, ROWS + 1)}
    assert sorted(rows - marked() - NOT_SPOKEN) == []
    assert sorted(marked() - rows | marked() & NOT_SPOKEN) == []


def test_what_is_not_spoken_is_said() -> None:
    page = (TESTS.parent / "docs" / "differences" / "connector.md").read_text()
    for word in ("`scheduler<S>`", "`creationAck<S>`", "etcd", "gRPC", "20 s"):
        assert word in page
