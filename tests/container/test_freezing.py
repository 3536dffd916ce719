"""Freezing while the processes that are to freeze wait for a processor."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from attrs import define

from owactors.container.sandbox import freezing


@define
class Group:
    """A control group whose processes freeze at this attempt."""

    at: int
    attempts: int = 0
    frozen: bool = False

    def freeze(self, seconds: float) -> bool:
        self.attempts += 1
        self.frozen = self.attempts >= self.at
        return self.frozen

    def thaw(self) -> bool:
        self.frozen = False
        return True


def frozen(group: Any) -> tuple[bool, int]:
    """Whether it was frozen, and how often something else had its turn meanwhile."""
    turns = 0

    async def play() -> bool:
        nonlocal turns
        freezes = asyncio.ensure_future(freezing.freeze(group))
        while not freezes.done():
            await asyncio.sleep(0)
            turns += 1
        return freezes.result()

    return asyncio.run(play()), turns


def test_it_freezes_at_once_or_a_moment_later_and_nothing_waits_for_it() -> None:
    at_once, later = Group(1), Group(4)
    assert frozen(at_once)[0]
    done, turns = frozen(later)
    assert (done, later.attempts) == (True, 4)
    assert turns > 4


def test_what_does_not_freeze_is_thawed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(freezing, "PATIENCE", 0.05)
    never = Group(1_000_000)
    assert not frozen(never)[0]
    assert (never.frozen, never.attempts > 1) == (False, True)
