"""The time that an exchange took, while the machine's clock is set."""

from __future__ import annotations

import time

import pytest

from owactors.container.exchanging import Exchanging
from owactors.core.reply import ContainerReply, RunResult, RunTimeout
from owactors.core.response import is_over_time

MINUTE = 60_000
ANSWER = ContainerReply(200, b"{}", 2, 1024)


@pytest.mark.parametrize("seconds", [3600, -3600])
def test_a_clock_that_is_set_meanwhile_uses_up_no_time_limit(monkeypatch: pytest.MonkeyPatch, seconds: int) -> None:
    exchanging, right = Exchanging(), time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: right() + seconds * 10**9)
    interval = exchanging.ended(ANSWER)
    assert interval.start == exchanging.at
    assert interval.duration < MINUTE
    assert not is_over_time(RunResult(interval, ANSWER), MINUTE)


def test_one_that_ran_out_of_time_took_all_of_it() -> None:
    assert Exchanging().ended(RunTimeout(60.0)).duration == MINUTE
