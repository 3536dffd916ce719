"""Pausing and unpausing by an engine that notices late what it has done.

With one right after the other it takes for a moment a container that runs for paused, and one that is paused for
running; and a freezer that is slow on a busy machine is a refusal. So a refusal counts only when it stays.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from owactors.container.docker.errors import EngineError

#: seconds between two attempts: 1.3 altogether; what was seen took up to 0.2
PAUSES = (0.02, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64)
ALREADY_PAUSED, NOT_FROZEN = "already paused", "unable to freeze"
Call = Callable[[], Awaitable[None]]


async def pause(call: Call) -> None:
    """Pause by `call`; what the engine takes for paused to the end is. EngineError: it does not run, or cannot be.

    The engine's answer to a second pause differs from that about a container which does not run by its words only.
    """
    try:
        await _repeated(call, lambda error: ALREADY_PAUSED in error.text or NOT_FROZEN in error.text)
    except EngineError as error:
        if error.status != 409 or ALREADY_PAUSED not in error.text:
            raise


async def unpause(call: Call) -> None:
    """Unpause by `call`. Raises EngineError, also when the engine takes it for running to the end."""
    await _repeated(call, lambda error: error.status == 500)


async def _repeated(call: Call, may_pass: Callable[[EngineError], bool]) -> None:
    for seconds in PAUSES:
        try:
            return await call()
        except EngineError as error:
            if not may_pass(error):
                raise
        await asyncio.sleep(seconds)
    await call()
