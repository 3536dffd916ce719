"""Watching processes."""

from __future__ import annotations

import asyncio
import subprocess
import sys

from owactors.actorbase.processes import ProcessWatch
from tests.actorbase.running import SECONDS


def test_a_process_may_be_watched_more_than_once() -> None:
    async def play() -> tuple[list[int], list[object]]:
        loop, told, errors = asyncio.get_running_loop(), [], []
        loop.set_exception_handler(lambda _, context: errors.append(context))
        done = asyncio.Event()

        def ended(number: int) -> None:
            told.append(number)
            if len(told) == 2:
                loop.call_later(0.05, done.set)

        process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
        watch = ProcessWatch(loop)
        watch.watch(process.pid, lambda: ended(1))
        watch.watch(process.pid, lambda: ended(2))
        assert process.stdin is not None
        process.stdin.close()
        await asyncio.wait_for(done.wait(), SECONDS)
        process.wait()
        return told, errors

    told, errors = asyncio.run(play())
    assert sorted(told) == [1, 2]
    assert errors == []
