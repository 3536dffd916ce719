"""The recorded cases of sequences, compositions and web actions, played in process with real JavaScript."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from tests.rest.nodefunctions import NodeFunctions
from tests.rest.replay.cases import cases, run_name
from tests.rest.replay.playing import play
from tests.rest.world import GUEST, World

AREAS = ("sequences", "conductors", "web", "web-annotations")
#: see docs/differences/sequences_web.md: an array is a valid result of a web action
DIFFERENT = {"web-044"}

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js")


@pytest.fixture(scope="module")
def functions() -> Iterator[NodeFunctions]:
    running = NodeFunctions()
    yield running
    running.close()


def _chosen() -> list[Any]:
    found = [case for area in AREAS for case in cases(area) if case["id"] not in DIFFERENT]
    return [pytest.param(case, id=case["id"]) for case in found]


@pytest.mark.parametrize("case", _chosen())
def test_answers_as_recorded(case: dict[str, Any], functions: NodeFunctions) -> None:
    async def played() -> list[str]:
        world = await World().open()
        world.invoker.behaviour = functions
        return await play(case, world.transport, GUEST, run_name())

    assert asyncio.run(played()) == []
