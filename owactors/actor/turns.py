"""Actors whose coroutines have something to do in the actor's own turn, such as sending a message."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable

from attrs import define, field, frozen
from thespian.actors import ActorAddress

from owactors.actor.beside import LoopEngine, LoopThread
from owactors.actor.io import IoActor, on

Turn = Callable[[], None]


@frozen
class _Turn:
    """To self: a coroutine of another thread has something to do in the actor's turn."""

    work: Turn


@define(eq=False)
class _Post:
    """Functions on their way from coroutines of another thread into the actor's turn."""

    _functions: deque[Turn] = field(factory=deque)
    _here: asyncio.Event | None = None

    def put(self, work: Turn) -> None:
        """From the loop's thread."""
        self._functions.append(work)
        if self._here is not None:
            self._here.set()

    async def take(self) -> Turn:
        """Waits in the loop's thread; the result runs everything that has come."""
        self._here = asyncio.Event()
        if not self._functions:
            await self._here.wait()
        functions = list(self._functions)
        self._functions.clear()
        return lambda: _run_all(functions)


def _run_all(functions: list[Turn]) -> None:
    for function in functions:
        function()


class TurnTaker(IoActor):
    """On our base coroutines share the actor's thread and run their work at once; elsewhere they have to knock."""

    _home: int | None = None
    #: the loop of the coroutines, where it is not the one that the handlers run in
    _apart: asyncio.AbstractEventLoop | None = None

    def take_turns(self) -> None:
        """From a handler, before the first `into_turn`; again does nothing."""
        if self._home is not None:
            return
        self._home = threading.get_ident()
        self._post = _Post()
        if not isinstance(self._ready(), LoopEngine):
            self._apart = LoopThread.shared().loop
            self.spawn(self._post.take(), done=_Turn)

    def into_turn(self, work: Turn) -> None:
        """Run `work` in the actor's turn; from any coroutine that the actor spawned."""
        if threading.get_ident() == self._home:
            work()
        else:
            self._post.put(work)

    def into_loop(self, work: Turn) -> None:
        """Run `work` among the coroutines that the actor spawned, whose futures it may end; from a handler."""
        if self._apart is None:
            work()
        else:
            self._apart.call_soon_threadsafe(work)

    @on(_Turn)
    def _take_turn(self, message: _Turn, sender: ActorAddress) -> None:
        message.work()
        self.spawn(self._post.take(), done=_Turn)
