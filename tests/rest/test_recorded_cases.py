"""The recorded cases, played in process; those that run real functions are played against a live node."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from owactors.entity.action import WhiskAction
from owactors.entity.activation import ActivationResponse
from owactors.message.activation import ActivationMessage
from tests.rest.replay.cases import cases, run_name
from tests.rest.replay.playing import play
from tests.rest.world import GUEST, World, echo

AREAS = (
    "actions",
    "activations",
    "auth",
    "conflicts",
    "errors",
    "info",
    "namespaces",
    "packages",
    "rules",
    "triggers",
)
#: of the area "invoke" those that an echo can answer, by number
WITH_AN_ECHO = (5, 6, 7, 8, 10, 11, 12, 13, 14, 15, 26, 30, 38, 39, 41, 42, 48, 51, 53)
#: of the other areas those that need functions which really run
NEEDS_FUNCTIONS = {"actions-044", "errors-017", "triggers-008", "rules-015"}
#: the store files a record under the package it was reached through, as CouchDB's view does; the recording is
#: that of a store in memory, which used the provider's
OTHERWISE = {"activations-025"}


def greet_or_echo(message: ActivationMessage, action: WhiskAction) -> ActivationResponse:
    """The two functions that most cases use."""
    if "'hello '" in (action.code or ""):
        return ActivationResponse.success({"msg": "hello " + message.content.get("name", "world")}, 21)
    return echo(message, action)


def _chosen() -> list[Any]:
    found = [case for area in AREAS for case in cases(area)]
    found += [case for case in cases("invoke") if int(case["id"][-3:]) in WITH_AN_ECHO]
    return [pytest.param(case, id=case["id"]) for case in found if case["id"] not in OTHERWISE | NEEDS_FUNCTIONS]


@pytest.mark.parametrize("case", _chosen())
def test_answers_as_recorded(case: dict[str, Any]) -> None:
    async def played() -> list[str]:
        world = await World().open()
        world.invoker.behaviour = greet_or_echo
        return await play(case, world.transport, GUEST, run_name())

    assert asyncio.run(played()) == []
