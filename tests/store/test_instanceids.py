"""Names of invokers keep their numbers, whoever starts when."""

import asyncio

import pytest

from owactors.core.invoker.instanceids import assigned
from owactors.store.instanceids import instance_id
from owactors.store.memory.store import MemoryStore


@pytest.mark.scenario("IN-03")
def test_the_first_gets_0_the_next_1_and_each_the_same_again() -> None:
    async def story() -> list[int]:
        entities = MemoryStore().entities
        return [await instance_id(entities, name) for name in ("foo", "bar", "bar", "foo")]

    assert asyncio.run(story()) == [0, 1, 1, 0]


@pytest.mark.scenario("IN-03")
def test_a_number_is_taken_from_its_owner() -> None:
    async def story() -> list[int]:
        entities = MemoryStore().entities
        first = [await instance_id(entities, "foo"), await instance_id(entities, "bar", overwrite=0)]
        return [*first, await instance_id(entities, "foo"), await instance_id(entities, "cat")]

    assert asyncio.run(story()) == [0, 0, 1, 2]


@pytest.mark.scenario("IN-03")
def test_a_number_that_would_leave_a_gap_is_refused() -> None:
    with pytest.raises(ValueError, match="there are 1 invokers"):
        assigned({"foo": 0}, "bar", overwrite=2)


def test_many_that_start_at_once_get_one_number_each() -> None:
    async def story() -> list[int]:
        entities = MemoryStore().entities
        return await asyncio.gather(*(instance_id(entities, f"host{n}") for n in range(20)))

    assert sorted(asyncio.run(story())) == list(range(20))
