"""The recorded cases, played in process; those that run real functions are played against a live node."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.rest.replay.cases import cases, run_name
from tests.rest.replay.playing import play
from tests.rest.world import GUEST, World

AREAS = ("actions", "activations", "auth", "errors", "info", "namespaces", "packages", "rules", "triggers", "conflicts")
#: the answers come from functions that really run
NEEDS_FUNCTIONS = {"actions-044", "errors-017", "triggers-008", "rules-015"}


def _chosen() -> list[Any]:
    found = [case for area in AREAS for case in cases(area)]
    return [pytest.param(case, id=case["id"]) for case in found if case["id"] not in NEEDS_FUNCTIONS]


@pytest.mark.parametrize("case", _chosen())
def test_answers_as_recorded(case: dict[str, Any]) -> None:
    async def played() -> list[str]:
        world = await World().open()
        return await play(case, world.transport, GUEST, run_name())

    assert asyncio.run(played()) == []
