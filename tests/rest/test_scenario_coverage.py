"""Every numbered scenario of the controller has a test that is marked with it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

#: how many there are of each area: actions, conductors, entitlement, frame, invoking, load balancer, packages,
#: sequences, triggers and rules, activation records, web actions, clients
AREAS = {"A": 34, "C": 14, "E": 7, "F": 16, "I": 26, "L": 18, "P": 16, "S": 19, "T": 19, "V": 8, "W": 20, "K": 7}
_MARK = re.compile(r'scenario\("([A-Z]\d\d)"\)')


def marked() -> set[str]:
    """The scenarios that tests are marked with."""
    files = Path(__file__).parents[1].rglob("test_*.py")
    return {found for file in files for found in _MARK.findall(file.read_text())}


@pytest.mark.parametrize("area", AREAS)
def test_every_scenario_has_a_test(area: str) -> None:
    wanted = {f"{area}{number:02}" for number in range(1, AREAS[area] + 1)}
    assert sorted(wanted - marked()) == []
