"""The books of free memory choose as a walk along the whole path does."""

from __future__ import annotations

import random

import pytest
from attrs import define, field
from hypothesis import given, settings
from hypothesis import strategies as st

from owactors.core.loadbalancer.rooms import InvokerSlots
from owactors.core.loadbalancer.semaphores import NestedSemaphore
from owactors.core.loadbalancer.sharding import Chosen, ShardingChoice, Wanted, home_and_step

SIZES = (1, 128, 129, 200, 256, 512, 4096)


@define
class Walk:
    """Looks at one invoker after the other, and takes the first place it gets."""

    choice: ShardingChoice
    slots: list[NestedSemaphore] = field(factory=list)

    def follow(self) -> None:
        """As many invokers as there are, with as much room, nothing taken."""
        self.slots = [NestedSemaphore.of(each.slots.available) for each in self.choice.invokers]

    def grow(self, before: list[int]) -> None:
        """Invokers that are new, or have more or less room than before."""
        for each in self.choice.invokers:
            if each.instance < len(before):
                self.slots[each.instance].memory.release(each.slots.available - before[each.instance])
            else:
                self.slots.append(NestedSemaphore.of(each.slots.available))

    def choose(self, wanted: Wanted, pick: int) -> Chosen | None:
        candidates = self.choice.blackboxes if wanted.blackbox else self.choice.managed
        if not candidates:
            return None
        index, step = home_and_step(len(candidates), wanted.namespace, wanted.action)
        for _ in candidates:
            invoker = candidates[index]
            if invoker.usable and self.of(invoker).try_acquire(wanted.name, wanted.concurrency, wanted.memory):
                return Chosen(invoker.instance)
            index = (index + step) % len(candidates)
        usable = [each for each in candidates if each.usable]
        if not usable:
            return None
        forced = usable[pick % len(usable)]
        self.of(forced).force_acquire(wanted.name, wanted.concurrency, wanted.memory)
        return Chosen(forced.instance, overloaded=True)

    def of(self, invoker: InvokerSlots) -> NestedSemaphore:
        return self.slots[invoker.instance]


@define
class Story:
    """Random calls, ends of calls and changes of the cluster; after each one both ways have come to the same."""

    chance: random.Random
    count: int
    choice: ShardingChoice
    walk: Walk
    under_way: list[tuple[int, Wanted]] = field(factory=list)

    @classmethod
    def begin(cls, seed: int, count: int) -> Story:
        chance = random.Random(seed)
        choice = ShardingChoice(chance.choice((0.9, 0.5, 1.0)), chance.choice((0.1, 0.5, 1.0)))
        story = cls(chance, count, choice, Walk(choice))
        story.invokers()
        return story

    def wanted(self) -> Wanted:
        """Of few actions, so that they share containers. An action is of one size and concurrency."""
        number = self.chance.randrange(12)
        same = random.Random(number)
        return Wanted(
            f"ns{number % 3}",
            f"ns{number % 3}/a{number}",
            "0.0.1",
            same.choice(SIZES),
            same.choice((1, 1, 2, 5)),
            same.random() < 0.3,
        )

    def call(self) -> None:
        wanted, pick = self.wanted(), self.chance.getrandbits(30)
        expected = self.walk.choose(wanted, pick)
        assert self.choice.choose(wanted, pick) == expected
        if expected is not None:
            self.under_way.append((expected.invoker, wanted))

    def end(self) -> None:
        if self.under_way:
            instance, wanted = self.under_way.pop(self.chance.randrange(len(self.under_way)))
            self.choice.release(instance, wanted)
            self.walk.slots[instance].release(wanted.name, wanted.concurrency, wanted.memory)

    def invokers(self) -> None:
        """Some become usable, unusable, larger, smaller; new ones come."""
        before = [each.slots.available for each in self.choice.invokers]
        healthy = self.chance.choice((0.0, 0.5, 0.9, 1.0, 1.0))
        count = max(len(before), self.chance.randint(0, self.count))
        self.choice.update_invokers(
            [(self.chance.choice((128, 1000, 2048)), self.chance.random() < healthy) for _ in range(count)]
        )
        self.walk.grow(before)

    def cluster(self) -> None:
        """What is taken is forgotten, if the size is another one; ends of former calls come all the same."""
        size = self.chance.randint(1, 3)
        if size != self.choice.cluster_size:
            self.choice.update_cluster(size)
            self.walk.follow()

    def go_on(self, steps: int) -> None:
        kinds = [self.call] * 60 + [self.end] * self.chance.choice((5, 30, 60)) + [self.invokers, self.cluster]
        for _ in range(steps):
            self.chance.choice(kinds)()
            assert [(each.slots.available, each.slots.actions) for each in self.choice.invokers] == [
                (each.available, each.actions) for each in self.walk.slots
            ]
            self.choice.validate()


@settings(deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 12), st.integers(0, 120))
def test_few_invokers(seed: int, count: int, steps: int) -> None:
    Story.begin(seed, count).go_on(steps)


@pytest.mark.parametrize("seed", range(8))
def test_so_many_invokers_that_a_path_is_gone_in_parts(seed: int) -> None:
    Story.begin(seed, 150).go_on(1000)


@pytest.mark.parametrize("free", [0, 1, 5, 9, 20, 30, 99])
def test_one_action_fills_its_path_to_the_end(free: int) -> None:
    """All but the last ones on the path are full, so that no part of the path meets one early."""
    choice = ShardingChoice(managed_fraction=1.0)
    choice.update_invokers([(256, True)] * 100)
    walk, wanted = Walk(choice), Wanted("guest", "guest/hello", "0.0.1", 256)
    walk.follow()
    for _ in range(100 - free):
        assert choice.choose(wanted) == walk.choose(wanted, 0)
    for action in ("guest/hello", "guest/other", "guest/third"):
        other = Wanted("guest", action, "0.0.1", 256)
        found = walk.choose(other, 7)
        assert choice.choose(other, 7) == found
    choice.validate()


@pytest.mark.parametrize("burst", [1, 10, 200])
@pytest.mark.parametrize("concurrency", [1, 3])
def test_one_action_fills_its_path_while_calls_of_it_end(burst: int, concurrency: int) -> None:
    """Few ends between two choices are known one by one, after many the path is gone anew."""
    chance, choice = random.Random(burst), ShardingChoice(managed_fraction=1.0)
    choice.update_invokers([(512, True)] * 300)
    walk, under_way = Walk(choice), list[tuple[int, Wanted]]()
    walk.follow()
    wanted = [Wanted("guest", f"guest/{name}", "0.0.1", 256, concurrency) for name in "ab"]
    for _ in range(12):
        for _ in range(140 * concurrency):
            each = chance.choice(wanted)
            found = walk.choose(each, 7)
            assert choice.choose(each, 7) == found
            assert found is not None
            under_way.append((found.invoker, each))
        for _ in range(min(burst, len(under_way))):
            instance, each = under_way.pop(chance.randrange(len(under_way)))
            choice.release(instance, each)
            walk.slots[instance].release(each.name, each.concurrency, each.memory)
    choice.validate()


def test_a_place_in_a_container_beyond_the_room_is_found_also_where_it_is_far() -> None:
    choice = ShardingChoice(managed_fraction=1.0)
    choice.update_invokers([(256, True)] * 100)
    walk = Walk(choice)
    walk.follow()
    shared, alone = Wanted("guest", "guest/shared", "0.0.1", 256, 2), Wanted("guest", "guest/hello", "0.0.1", 256)
    for wanted in (shared, *[alone] * 99, alone, shared, shared):
        assert choice.choose(wanted, 3) == walk.choose(wanted, 3)
    assert choice.invokers[3].slots.available == -512
    choice.validate()
