"""The sharding choice: hashes, paths, partitions, room."""

from __future__ import annotations

from math import gcd

import pytest
from hypothesis import given
from hypothesis import strategies as st

from owactors.core.loadbalancer.javahash import home_hash, java_hash
from owactors.core.loadbalancer.semaphores import ForcibleSemaphore, NestedSemaphore
from owactors.core.loadbalancer.sharding import Chosen, ShardingChoice, Wanted, pairwise_coprimes, path


def choice(*memory: int, cluster: int = 1, **settings: float) -> ShardingChoice:
    """Healthy invokers of so many MB each."""
    made = ShardingChoice(**settings)
    made.update_cluster(cluster)
    made.update_invokers([(each, True) for each in memory])
    return made


def wanted(action: str = "guest/hello", memory: int = 256, **fields: object) -> Wanted:
    return Wanted("guest", action, "0.0.1", memory, **fields)


def placed(made: ShardingChoice, count: int, what: Wanted | None = None) -> list[int | None]:
    chosen = [made.choose(what or wanted()) for _ in range(count)]
    return [each.invoker if each else None for each in chosen]


@pytest.mark.scenario("L13")
@pytest.mark.parametrize(
    ("namespace", "action", "of_namespace", "of_action", "both"),
    [
        ("guest", "guest/hello", 98708952, 86723035, 13198339),
        ("guest", "guest/hello1", 98708952, -1606553162, 1512055698),
        ("guest", "guest/hello2", 98708952, -1606553161, 1512055697),
        ("guest", "guest/utils/echo", 98708952, 1860336986, 1795182722),
        ("whisk.system", "whisk.system/utils/echo", -1796040243, 1928623685, 435753080),
        ("alice", "guest/hello", 92903040, 86723035, 10674011),
        ("guest", "guest/bbox", 98708952, -1798499328, 1859175976),
    ],
)
def test_hashes_are_javas(namespace: str, action: str, of_namespace: int, of_action: int, both: int) -> None:
    assert (java_hash(namespace), java_hash(action)) == (of_namespace, of_action)
    assert home_hash(namespace, action) == both


@given(st.text(), st.text())
def test_a_home_hash_is_never_negative(namespace: str, action: str) -> None:
    assert 0 <= home_hash(namespace, action) <= 2**31


def test_code_units_beyond_the_first_plane_count_as_two() -> None:
    assert java_hash("\U0001f600") == 0xD83D * 31 + 0xDE00


@pytest.mark.scenario("L04")
@pytest.mark.parametrize(
    ("count", "steps"),
    [
        (0, ()),
        (1, (1,)),
        (2, (1,)),
        (5, (1, 2, 3)),
        (9, (1, 2, 5, 7)),
        (10, (1, 3, 7)),
        (12, (1, 5, 7, 11)),
    ],
)
def test_steps(count: int, steps: tuple[int, ...]) -> None:
    assert pairwise_coprimes(count) == steps


@given(st.integers(1, 200), st.integers(0, 2**31))
def test_a_path_meets_every_invoker_once(count: int, hash_value: int) -> None:
    assert sorted(path(count, hash_value)) == list(range(count))
    assert all(gcd(step, count) == 1 for step in pairwise_coprimes(count))


@pytest.mark.parametrize(
    ("action", "order"),
    [("guest/hello", [1, 8, 6, 4, 2, 0, 7, 5, 3]), ("guest/hello1", [6, 2, 7, 3, 8, 4, 0, 5, 1])],
)
def test_the_path_of_an_action_over_nine_invokers(action: str, order: list[int]) -> None:
    assert list(path(9, home_hash("guest", action))) == order


@pytest.mark.scenario("L01")
def test_invokers_fill_up_along_the_path_then_one_is_forced() -> None:
    made = choice(*[1024] * 10, cluster=2)
    order = [1, 8, 6, 4, 2, 0, 7, 5, 3]
    assert placed(made, 18) == [invoker for invoker in order for _ in range(2)]
    assert made.choose(wanted(), pick=13) == Chosen(4, overloaded=True)
    assert made.invokers[4].slots.available == -256


@pytest.mark.scenario("L01")
def test_three_invokers_of_three_slots_in_steps_of_two() -> None:
    made = choice(3, 3, 3, managed_fraction=1.0, memory_min=1)
    hash_with = next(n for n in range(1000) if home_hash("guest", f"a{n}") % 6 == 3)
    what = wanted(f"a{hash_with}", memory=1)
    assert placed(made, 9, what) == [0, 0, 0, 2, 2, 2, 1, 1, 1]
    tenth = made.choose(what)
    assert tenth is not None
    assert tenth.overloaded


@pytest.mark.scenario("L02")
def test_unusable_invokers_are_skipped_and_without_any_there_is_no_choice() -> None:
    made = choice(*[1024] * 10, cluster=2)
    made.update_invokers([(1024, number != 8) for number in range(10)])
    assert placed(made, 3) == [1, 1, 6]
    made.update_invokers([(1024, False)] * 10)
    assert placed(made, 1) == [None]
    assert ShardingChoice().choose(wanted()) is None


@pytest.mark.scenario("L03")
def test_requests_of_different_sizes_go_where_they_fit() -> None:
    made = choice(4, 4, 4, managed_fraction=1.0, memory_min=1)
    number = next(n for n in range(1000) if home_hash("guest", f"a{n}") % 6 == 0)
    chosen = [made.choose(wanted(f"a{number}", memory=memory)) for memory in (3, 2, 1, 4, 2)]
    assert [each.invoker for each in chosen if each] == [0, 1, 0, 2, 1]


@pytest.mark.scenario("L05")
@pytest.mark.parametrize(
    ("count", "managed", "blackbox", "first", "last"),
    [
        (10, 0.9, 0.1, range(9), [9]),
        (1, 0.9, 0.1, [0], [0]),
        (20, 0.9, 0.1, range(18), [18, 19]),
        (100, 0.9, 0.1, range(90), range(90, 100)),
        (10, 0.5, 0.1, range(5), range(5, 10)),
        (10, 2.0, -1.0, range(10), [9]),
    ],
)
def test_managed_and_blackbox_invokers(
    count: int, managed: float, blackbox: float, first: list[int], last: list[int]
) -> None:
    made = choice(*[1024] * count, managed_fraction=managed, blackbox_fraction=blackbox)
    assert [each.instance for each in made.managed] == list(first)
    assert [each.instance for each in made.blackboxes] == list(last)


def test_a_blackbox_goes_to_the_blackbox_invokers() -> None:
    made = choice(*[1024] * 10)
    assert placed(made, 1, wanted("guest/bbox", blackbox=True)) == [9]


@pytest.mark.scenario("L06")
@pytest.mark.parametrize(("cluster", "share"), [(2, 640), (20, 128), (0, 1280)])
def test_controllers_share_the_memory_of_an_invoker(cluster: int, share: int) -> None:
    made = choice(1280, cluster=cluster)
    assert made.invokers[0].slots.available == share
    assert made.cluster_size == max(1, cluster)


@pytest.mark.scenario("L07")
def test_what_is_taken_is_forgotten_with_the_cluster_and_kept_with_new_invokers() -> None:
    made = choice(1024)
    made.choose(wanted())
    made.update_invokers([(1024, True), (1024, True)])
    assert [each.slots.available for each in made.invokers] == [768, 1024]
    made.update_cluster(1)
    assert made.invokers[0].slots.available == 768
    made.update_cluster(2)
    assert [each.slots.available for each in made.invokers] == [512, 512]


def test_an_invoker_that_came_back_larger_has_more_room() -> None:
    made = choice(512)
    made.choose(wanted())
    made.update_invokers([(1024, True)])
    assert made.invokers[0].slots.available == 768


def test_a_freed_place_is_used_again() -> None:
    made = choice(256)
    assert placed(made, 1) == [0]
    made.release(0, wanted())
    made.release(7, wanted())
    assert made.choose(wanted()) == Chosen(0)


@pytest.mark.scenario("L08")
def test_activations_that_share_a_container_take_its_memory_once() -> None:
    room = NestedSemaphore.of(20)
    assert all(room.try_acquire("a", 5, 3) for _ in range(5))
    assert room.available == 17
    assert all(room.try_acquire("a", 5, 3) for _ in range(25))
    assert room.available == 2
    assert not room.try_acquire("a", 5, 3)
    for _ in range(30):
        room.release("a", 5, 3)
    assert room.available == 20
    assert room.actions == frozenset()


@pytest.mark.scenario("L09")
def test_after_a_forced_acquisition_releases_climb_back_first() -> None:
    semaphore = ForcibleSemaphore(1)
    semaphore.force_acquire(3)
    semaphore.release()
    assert not semaphore.try_acquire()
    semaphore.release(2)
    assert semaphore.try_acquire()


@given(st.lists(st.tuples(st.booleans(), st.sampled_from(["a", "b"]), st.integers(1, 3)), max_size=80))
def test_room_is_what_the_containers_of_outstanding_activations_leave(steps: list[tuple[bool, str, int]]) -> None:
    room, outstanding = NestedSemaphore.of(10), {}
    for acquire, name, concurrency in steps:
        action = f"{name}{concurrency}"
        if acquire:
            if room.try_acquire(action, concurrency, 2):
                outstanding[action] = outstanding.get(action, 0) + 1
        elif outstanding.get(action):
            room.release(action, concurrency, 2)
            outstanding[action] -= 1
        least = sum(-(-count // int(action[-1])) for action, count in outstanding.items())
        assert 0 <= room.available <= 10 - 2 * least
    for action, count in outstanding.items():
        for _ in range(count):
            room.release(action, int(action[-1]), 2)
    assert room.available == 10
