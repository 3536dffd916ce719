"""Records go by age and by size, a few at a time; what is young and fits stays."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from owactors.message.store import NamespaceUsage, StoreUnavailable
from owactors.store.retention import Retention, RetentionSettings
from tests.contract.store.stores import Driven, ids, record

NOW = 1_000_000


def retention(driven: Driven, **settings: Any) -> Retention:
    bounds = {"max_age": 0, "max_bytes": 0, "step": 3, "pause": 0, **settings}
    return Retention(driven.activations, RetentionSettings(**bounds), now=lambda: NOW)


def keep(driven: Driven, count: int, namespace: str = "guest") -> int:
    """Records 1 to `count`, number n of them n seconds old; the bytes of one."""
    for number in range(1, count + 1):
        driven.do(driven.activations.store(record(number, namespace, start=NOW - number * 1000)))
    (usage,) = [one for one in driven.do(driven.activations.usage()) if one.namespace == namespace]
    return usage.bytes // count


def test_by_age(driven: Driven) -> None:
    keep(driven, 20)
    keep(driven, 5, "mira")
    upkeep = driven.do(retention(driven, max_age=4).round())
    assert ids(driven.do(driven.activations.list("guest"))) == [1, 2, 3, 4]
    assert ids(driven.do(driven.activations.list("mira"))) == [1, 2, 3, 4]
    assert (upkeep.rounds, upkeep.removed_by_age, upkeep.removed_by_size) == (1, 17, 0)
    assert upkeep.last_round == NOW
    assert upkeep.trouble is None
    assert [(one.namespace, one.records) for one in upkeep.usage] == [("guest", 4), ("mira", 4)]


def test_by_size_per_namespace(driven: Driven) -> None:
    size = keep(driven, 20)
    keep(driven, 2, "mira")
    upkeep = driven.do(retention(driven, max_bytes=5 * size + size // 2).round())
    left = ids(driven.do(driven.activations.list("guest")))
    assert left == list(range(1, len(left) + 1))
    assert len(left) == 5
    assert len(driven.do(driven.activations.list("mira"))) == 2
    assert upkeep.removed_by_size == 15


def test_both_at_once(driven: Driven) -> None:
    size = keep(driven, 20)
    upkeep = driven.do(retention(driven, max_age=15.5, max_bytes=10 * size + size // 2).round())
    assert (upkeep.removed_by_age, upkeep.removed_by_size) == (5, 5)


def test_zero_keeps_everything(driven: Driven) -> None:
    keep(driven, 8)
    upkeep = driven.do(retention(driven).round())
    assert (upkeep.removed_by_age, upkeep.removed_by_size) == (0, 0)
    assert driven.do(driven.activations.count("guest")) == 8


def test_nothing_to_do(driven: Driven) -> None:
    assert driven.do(retention(driven, max_age=1).round()).usage == ()


def test_others_are_served_between_steps(driven: Driven) -> None:
    keep(driven, 30)

    async def story() -> list[int]:
        upkeep = asyncio.create_task(retention(driven, max_age=1, step=1).round())
        counts = []
        while not upkeep.done():
            counts.append(await driven.activations.count("guest"))
            await asyncio.sleep(0)
        return counts

    counts = driven.do(story())
    assert counts == sorted(counts, reverse=True)
    assert driven.do(driven.activations.count("guest")) == 1


def test_runs_again_and_again(driven: Driven) -> None:
    keep(driven, 3)

    async def story() -> None:
        keeper = retention(driven, max_age=2, interval=0.001)
        running = asyncio.create_task(keeper.run())
        while True:
            await asyncio.sleep(0.001)
            if keeper.upkeep.rounds >= 3:
                break
        running.cancel()

    driven.do(asyncio.wait_for(story(), 20))
    assert ids(driven.do(driven.activations.list("guest"))) == [1, 2]


def test_trouble_is_reported_and_outlived(driven: Driven, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(driven, 3)
    keeper = retention(driven, max_age=1)

    async def refuse(*_: object) -> int:
        raise StoreUnavailable("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(type(driven.activations), "remove_before", refuse)
        assert driven.do(keeper.round()).trouble == "the disk is full"
    upkeep = driven.do(keeper.round())
    assert (upkeep.trouble, upkeep.rounds, upkeep.removed_by_age) == (None, 2, 2)
    assert [type(one) for one in upkeep.usage] == [NamespaceUsage]
