"""A busy loop gives way to threads that want to run, and stops doing so when they are done."""

from __future__ import annotations

import asyncio
import time

import pytest

from owactors.store.sqlite.courtesy import Courtesy


class Wish:
    """Wants to run for some looks, then not any more."""

    def __init__(self, *answers: float | None) -> None:
        self.answers = list(answers)
        self.looks = 0

    def __call__(self) -> float | None:
        self.looks += 1
        return self.answers.pop(0) if self.answers else None


@pytest.fixture
def rests(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    rests: list[float] = []
    monkeypatch.setattr(time, "sleep", rests.append)
    return rests


async def settled(courtesy: Courtesy) -> None:
    async with asyncio.timeout(30):
        while True:
            await asyncio.sleep(0.001)
            if not courtesy._timers:
                return


def play(wish: Wish, *delays: float) -> None:
    async def story() -> None:
        courtesy = Courtesy()
        courtesy.regard(wish)
        courtesy.regard(lambda: None)
        for delay in delays:
            courtesy.begin(delay)
        await settled(courtesy)

    asyncio.run(story())


def test_rests_until_the_work_is_done(rests: list[float]) -> None:
    play(Wish(0.0, 0.0, 0.0), 0.0)
    assert len(rests) == 3


def test_no_rest_before_the_work_begins(rests: list[float]) -> None:
    play(Wish(0.002, 0.0), 0.0)
    assert len(rests) == 1


def test_nothing_to_do_is_one_look(rests: list[float]) -> None:
    wish = Wish()
    play(wish, 0.0, 0.0, 0.0)
    assert (wish.looks, rests) == (1, [])


def test_work_that_begins_sooner_is_not_kept_waiting(rests: list[float]) -> None:
    play(Wish(0.0), 3600.0, 0.0)
    assert len(rests) == 1


def test_without_a_loop_there_is_nobody_to_rest() -> None:
    Courtesy().begin()
