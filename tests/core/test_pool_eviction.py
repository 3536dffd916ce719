"""Which idle containers go: the keep-alive policies, alone and in the pool."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from owactors.core.keepalive.idleorder import IdleOrder
from owactors.core.keepalive.lru import Lru
from owactors.core.keepalive.policies import POLICIES, make_policy
from owactors.core.keepalive.port import Gone, KeepAlive, StartKind
from owactors.core.keepalive.ttl import Ttl
from tests.core.pool_bench import PoolBench, action, run_of, stem_cells


@pytest.fixture(params=sorted(POLICIES))
def policy(request: pytest.FixtureRequest) -> KeepAlive:
    return make_policy(request.param, ttl=10.0)


def idle(policy: KeepAlive, **containers: float) -> None:
    """Containers c1, c2 ... of 256 MB, dispatched at these times and idle a second later."""
    for name, at in containers.items():
        policy.dispatched(int(name[1:]), "f", 256, StartKind.COLD, at)
        policy.became_idle(int(name[1:]), at + 1)


@pytest.mark.scenario("PL-35")
def test_nothing_goes_when_all_idle_containers_do_not_suffice(policy: KeepAlive) -> None:
    assert policy.victims(1, 10) == []
    idle(policy, c1=1)
    assert policy.victims(257, 10) == []


@pytest.mark.scenario("PL-35")
def test_busy_prewarmed_and_cold_containers_are_never_evicted_for_their_kind() -> None:
    bench = PoolBench.of(1024, stem_cells(1))
    bench.prewarmed(1)
    bench.submit_all([run_of(action("a", kind="other")), run_of(action("b", kind="other"))])
    bench.submit(run_of(action("large", memory=1024, kind="other")))
    assert bench.removals() == []


@pytest.mark.scenario("PL-36")
def test_the_oldest_dispatch_goes_first_and_as_many_as_needed(policy: KeepAlive) -> None:
    idle(policy, c1=3, c2=1, c3=2)
    policy.dispatched(2, "f", 256, StartKind.WARMED, 9)
    assert policy.victims(1, 10) == [3]
    assert policy.victims(257, 10) == [3, 1]
    assert policy.victims(513, 10) == []
    policy.became_idle(2, 10)
    assert policy.victims(513, 10) == [3, 1, 2]


def test_the_gone_are_forgotten(policy: KeepAlive) -> None:
    idle(policy, c1=1, c2=2)
    policy.gone(1, Gone.LEFT, 3)
    policy.gone(99, Gone.LEFT, 3)
    assert policy.victims(1, 10) == [2]
    assert "unknown" in policy.explain(1, 3)
    assert "idle" in policy.explain(2, 3)


def test_ttl_counts_from_the_end_of_the_last_activation() -> None:
    policy = Ttl(ttl=10.0)
    idle(policy, c1=1, c2=3)
    assert policy.expired(11) == []
    assert policy.expired(12) == [1]
    policy.dispatched(1, "f", 256, StartKind.WARMED, 12)
    assert policy.expired(14) == [2]
    assert "goes in 0.0 s" in policy.explain(2, 14)


def test_lru_never_expires() -> None:
    policy = Lru()
    idle(policy, c1=1)
    assert policy.expired(1e9) == []


def test_an_unknown_policy_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"'fifo' is unknown; known are .*lru.*ttl"):
        make_policy("fifo", 10.0)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 7), st.integers(0, 9), st.integers(1, 3)), max_size=300))
def test_the_idle_order_is_that_of_a_sorted_list(steps: list[tuple[bool, int, int, int]]) -> None:
    order, model = IdleOrder(), {}
    for put, number, priority, memory in steps:
        if put:
            order.add(number, priority, memory)
            model[number] = (priority, memory)
        else:
            order.discard(number)
            model.pop(number, None)
        total = sum(memory for _, memory in model.values())
        expected = sorted(model, key=lambda n: (model[n][0], n))
        assert order.total_memory == total
        assert order.lowest(total) == expected
        assert order.up_to(5) == [n for n in expected if model[n][0] <= 5]
        assert order.lowest(total + 1) == []
