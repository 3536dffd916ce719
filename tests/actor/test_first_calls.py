"""What is made ahead lets first calls pass, for a while."""

from __future__ import annotations

import asyncio

from owactors.actor.firstcalls import FirstCalls

LONG = 60.0


async def _is_waiting(task: asyncio.Task[None]) -> bool:
    await asyncio.sleep(0.05)
    return not task.done()


def test_who_is_in_no_hurry_waits_for_first_calls_and_the_answer_after_them() -> None:
    calls = FirstCalls()

    async def act() -> None:
        await asyncio.wait_for(calls.passed(lambda: False, LONG), LONG)
        with calls.one():
            with calls.one():
                waiting = asyncio.ensure_future(calls.passed(lambda: False, LONG))
                assert await _is_waiting(waiting)
            assert await _is_waiting(waiting)
        assert not calls.none
        await asyncio.wait_for(waiting, LONG)
        assert calls.none

    asyncio.run(act())


def test_not_for_ever_and_not_for_what_nobody_wants_any_more() -> None:
    calls = FirstCalls()
    unwanted: list[str] = []

    async def act() -> None:
        with calls.one():
            await asyncio.wait_for(calls.passed(lambda: False, 0.05), LONG)
            waiting = asyncio.ensure_future(calls.passed(lambda: bool(unwanted), LONG))
            assert await _is_waiting(waiting)
            unwanted.append("its memory is wanted")
            await asyncio.wait_for(waiting, LONG)

    asyncio.run(act())


def test_one_that_fails_is_over() -> None:
    calls = FirstCalls()
    try:
        with calls.one():
            raise OSError
    except OSError:
        asyncio.run(calls.passed(lambda: False, LONG))
    assert calls.none
