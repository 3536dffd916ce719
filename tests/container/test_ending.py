"""How a process ended, in words."""

from __future__ import annotations

import pytest

from owactors.container.ending import ending_of


@pytest.mark.scenario("DK-30")
@pytest.mark.parametrize(
    ("code", "words"),
    [
        (0, "exit code 0 (successful)"),
        (3, "exit code 3"),
        (126, "exit code 126 (not executable)"),
        (127, "exit code 127 (not found)"),
        (137, "signal 9 (KILL)"),
        (-9, "signal 9 (KILL)"),
        (143, "signal 15 (TERM)"),
        (129, "signal 1 (HUP)"),
        (255, "signal 127"),
    ],
)
def test_codes(code: int, words: str) -> None:
    """Codes above 128 and negative ones are signals."""
    assert ending_of(code) == words
