"""What is told of a user's calls: counts of the throttles, and sequences that ended."""

import asyncio
from typing import Any

from attrs import evolve

from owactors.core.controller.limitcheck import SystemLimits
from owactors.message.event import ActivationEvent, EventBody, MetricEvent
from owactors.rest.ports import RestSettings
from tests.rest.world import World


def listening(world: World) -> list[EventBody]:
    told: list[EventBody] = []
    world.services.event = lambda user, body: told.append(body)
    return told


def test_a_call_is_counted_with_those_in_flight() -> None:
    async def story() -> list[EventBody]:
        world = await World().open()
        told = listening(world)
        await world.make_action("hello")
        await world.ask("POST", "actions/hello?blocking=true", {})
        world.invoker.counts = {"23bc46b1-71f6-4ed5-8c54-816aa4f8c502": 3}
        await world.ask("POST", "actions/hello?blocking=true", {})
        return told

    assert asyncio.run(story()) == [MetricEvent("ConcurrentInvocations", 1), MetricEvent("ConcurrentInvocations", 4)]


def test_a_refused_call_is_told_by_its_limit() -> None:
    async def story() -> list[Any]:
        limits = SystemLimits(invocations_per_minute=1, concurrent_invocations=5, fires_per_minute=0)
        world = await World(RestSettings(limits=limits)).open()
        await world.make_action("hello")
        await world.ask("PUT", "triggers/t", {})
        told = listening(world)
        statuses = [(await world.ask("POST", "actions/hello?blocking=true", {})).status for _ in range(2)]
        statuses.append((await world.ask("POST", "triggers/t", {})).status)
        world.services.throttles = evolve(world.services.throttles, invocations_per_minute=9)
        world.invoker.counts = {"23bc46b1-71f6-4ed5-8c54-816aa4f8c502": 5}
        statuses.append((await world.ask("POST", "actions/hello?blocking=true", {})).status)
        return [statuses, told]

    statuses, told = asyncio.run(story())
    assert statuses == [200, 429, 429, 429]
    names = ["ConcurrentInvocations", "TimedRateLimit", "TimedRateLimit", "ConcurrentRateLimit"]
    assert told == [MetricEvent(name, 1) for name in names]


def test_a_sequence_that_ended_is_told_by_the_controller() -> None:
    async def story() -> list[EventBody]:
        world = await World().open()
        await world.make_action("one")
        await world.make_action("two")
        body = {"exec": {"kind": "sequence", "components": ["/_/one", "/_/two"]}}
        assert (await world.ask("PUT", "actions/both", body)).status == 200
        told = listening(world)
        assert (await world.ask("POST", "actions/both?blocking=true", {})).status == 200
        return told

    activations = [body for body in asyncio.run(story()) if isinstance(body, ActivationEvent)]
    assert [(body.name, body.kind, body.conductor) for body in activations] == [("guest/both", "sequence", False)]
