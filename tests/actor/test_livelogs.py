"""From a container's lines to the follower of a controller."""

from __future__ import annotations

import asyncio
from typing import Any

from thespian.actors import ActorExitRequest

from owactors.actor.livelogs import LiveLogs
from owactors.actor.recordfollowers import RecordFollowers
from owactors.container.livelogs import LIVE, Subject
from owactors.message.livelogs import FollowLogs, PrintedLine, PrintedLines, UnfollowLogs
from tests.actor.harness import Bench, named


def printed(text: str) -> None:
    LIVE.printed(Subject("1" * 32, "guest", "a"), text)


def test_lines_go_to_who_asked_until_he_leaves() -> None:
    bench = Bench(LiveLogs)
    bench.give(FollowLogs(7, "guest", None, named("controller")), "invoker")
    printed("one")
    printed("two")
    bench.works[-1].run()
    [message] = bench.sent_to("controller")
    assert message == PrintedLines(7, tuple(PrintedLine("1" * 32, "a", text) for text in ("one", "two")))
    bench.give(UnfollowLogs(7), "invoker")
    assert bench.works == []
    assert not LIVE.followers


def test_asking_twice_is_asking_once_and_an_exit_ends_all() -> None:
    bench = Bench(LiveLogs)
    for _ in range(2):
        bench.give(FollowLogs(7, "guest", None, named("controller")), "invoker")
    bench.give(UnfollowLogs(99), "invoker")
    assert len(LIVE.followers) == 1
    bench.give(ActorExitRequest(), "invoker")
    assert not LIVE.followers


def test_a_controller_asks_for_lines_as_long_as_somebody_wants_them() -> None:
    async def story() -> None:
        asked: list[Any] = []
        followers = RecordFollowers(asked.append)
        quiet, live = followers.follow("guest", None), followers.follow("guest", "a", True)
        assert asked == [FollowLogs(1, "guest", "a")] == followers.live
        lines = (PrintedLine("1" * 32, "a", "hi"),)
        followers.printed(PrintedLines(1, lines))
        followers.printed(PrintedLines(2, lines))
        assert await live.next() == lines
        live.close()
        assert asked[1:] == [UnfollowLogs(1)]
        assert followers.live == []
        followers.printed(PrintedLines(1, lines))
        quiet.close()
        assert not followers

    asyncio.run(story())
