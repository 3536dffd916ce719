"""What runs beside an actor: coroutines and timers, and how their outcome gets back into the actor's turn.

An `Engine` is chosen once per actor. `LoopEngine` uses the asyncio loop that the actor's own handlers run in
(our base). `WatchEngine` and `PollEngine` (stock bases) run coroutines in one loop thread per process; their
outcomes come back through a watched descriptor, or through short wakeups where a base knows no watch.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from datetime import timedelta
from typing import Any, Protocol

from attrs import define, field, frozen
from thespian.actors import Actor, ActorAddress, ThespianWatch

POLL = timedelta(milliseconds=5)

Finish = Callable[[Any, BaseException | None], None]
Room = Callable[[ActorAddress], Awaitable[None]]
Outcome = tuple[Finish, Any, BaseException | None]


class Cancellable(Protocol):
    def cancel(self) -> object: ...


class Engine(Protocol):
    """Runs coroutines and timers for one actor.

    `finish` and `fire` are called in the actor's turn, never after cancel() or close().
    """

    watching: Any
    """What receiveMessage has to return to Thespian after each message."""

    def spawn(self, coroutine: Coroutine[Any, Any, Any], finish: Finish) -> Cancellable: ...

    def after(self, seconds: float, fire: Callable[[], None]) -> Cancellable: ...

    async def room(self, address: ActorAddress) -> None:
        """Wait until the base has room for more messages to this address."""

    def wake(self, payload: object) -> None:
        """Deliver what has come in: called for a WatchMessage (payload None) and for a WakeupMessage."""

    def close(self) -> None: ...


def engine_for(actor: Actor) -> Engine:
    """The engine that fits the base which the actor lives on."""
    transport = getattr(actor._myRef, "transport", None)
    loop = getattr(transport, "loop", None)
    if loop is not None:
        return LoopEngine(loop, actor._myRef.room)
    if hasattr(transport, "set_watch"):
        return WatchEngine(actor)
    return PollEngine(actor)


class LoopEngine:
    """Tasks and timers of the loop in which the actor's handlers run."""

    watching: Any = None

    def __init__(self, loop: asyncio.AbstractEventLoop, room: Room | None = None) -> None:
        self._loop, self._room = loop, room
        self._tasks: dict[asyncio.Task[Any], Finish] = {}

    def spawn(self, coroutine: Coroutine[Any, Any, Any], finish: Finish) -> Cancellable:
        task = self._loop.create_task(coroutine)
        self._tasks[task] = finish
        task.add_done_callback(self._done)
        return LoopTask(self, task)

    def _done(self, task: asyncio.Task[Any]) -> None:
        finish = self._tasks.pop(task, None)
        if finish is None:
            return
        if task.cancelled():
            finish(None, asyncio.CancelledError())
        elif (failure := task.exception()) is not None:
            finish(None, failure)
        else:
            finish(task.result(), None)

    def forget(self, task: asyncio.Task[Any]) -> None:
        self._tasks.pop(task, None)
        task.cancel()

    def after(self, seconds: float, fire: Callable[[], None]) -> Cancellable:
        return self._loop.call_later(seconds, fire)

    async def room(self, address: ActorAddress) -> None:
        if self._room is not None:
            await self._room(address)

    def wake(self, payload: object) -> None:
        return None

    def close(self) -> None:
        for task in list(self._tasks):
            self.forget(task)


@frozen(eq=False)
class LoopTask:
    _engine: LoopEngine
    _task: asyncio.Task[Any]

    def cancel(self) -> None:
        self._engine.forget(self._task)


class LoopThread:
    """One asyncio loop in a daemon thread, shared by the actors of a process on a stock base."""

    _current: LoopThread | None = None

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, name="beside", daemon=True).start()

    @classmethod
    def shared(cls) -> LoopThread:
        if cls._current is None or cls._current.pid != os.getpid():
            cls._current = cls()
        return cls._current


@frozen
class Due:
    """Payload of a wakeup: the timer with this number is due; 0 means look at the outcomes."""

    number: int


@define(eq=False)
class Pending:
    """A coroutine or a timer of a stock base; its outcome is dropped after cancel()."""

    task: asyncio.Future[Any] | None = None
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True
        if self.task is not None:
            LoopThread.shared().loop.call_soon_threadsafe(self.task.cancel)


@define(eq=False)
class Timer:
    fire: Callable[[], None]
    timers: dict[int, Timer] = field(repr=False)
    number: int

    def cancel(self) -> None:
        self.timers.pop(self.number, None)


class StockEngine:
    """Coroutines in the loop thread, timers as Thespian's wakeups with a number each."""

    watching: Any = None

    def __init__(self, actor: Actor) -> None:
        self._actor = actor
        self._outcomes: deque[tuple[Pending, Outcome]] = deque()
        self._running: set[Pending] = set()
        self._timers: dict[int, Timer] = {}
        self._numbers = 0

    def spawn(self, coroutine: Coroutine[Any, Any, Any], finish: Finish) -> Cancellable:
        loop = LoopThread.shared().loop
        pending = Pending()
        self._running.add(pending)
        loop.call_soon_threadsafe(self._start, loop, coroutine, pending, finish)
        return pending

    def _start(
        self,
        loop: asyncio.AbstractEventLoop,
        coroutine: Coroutine[Any, Any, Any],
        pending: Pending,
        finish: Finish,
    ) -> None:
        if pending.cancelled:
            coroutine.close()
            return
        task = loop.create_task(coroutine)
        pending.task = task

        def done(ended: asyncio.Future[Any]) -> None:
            failure = asyncio.CancelledError() if ended.cancelled() else ended.exception()
            result = None if failure is not None else ended.result()
            self._outcomes.append((pending, (finish, result, failure)))
            self._ring()

        task.add_done_callback(done)

    async def room(self, address: ActorAddress) -> None:
        """These bases have no bound that a sender could wait for."""

    def _ring(self) -> None:
        """Called in the loop thread when there is an outcome."""

    def after(self, seconds: float, fire: Callable[[], None]) -> Cancellable:
        self._numbers += 1
        timer = self._timers[self._numbers] = Timer(fire, self._timers, self._numbers)
        self._actor.wakeupAfter(timedelta(seconds=seconds), Due(self._numbers))
        return timer

    def wake(self, payload: object) -> None:
        if isinstance(payload, Due) and payload.number:
            timer = self._timers.pop(payload.number, None)
            if timer is not None:
                timer.fire()
        self._drain()

    def _drain(self) -> None:
        while self._outcomes:
            pending, (finish, result, failure) = self._outcomes.popleft()
            self._running.discard(pending)
            if not pending.cancelled:
                finish(result, failure)

    def close(self) -> None:
        self._timers.clear()
        for pending in list(self._running):
            pending.cancel()


class WatchEngine(StockEngine):
    """Outcomes ring an eventfd that Thespian watches for this actor."""

    def __init__(self, actor: Actor) -> None:
        super().__init__(actor)
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._closed = False
        self.watching = ThespianWatch([self._bell])

    def _ring(self) -> None:
        if not self._closed:
            os.eventfd_write(self._bell, 1)

    def _drain(self) -> None:
        try:
            os.eventfd_read(self._bell)
        except OSError:
            pass  # not rung, or closed: the outcomes are looked at all the same
        super()._drain()

    def close(self) -> None:
        super().close()
        self._closed, self.watching = True, None


class PollEngine(StockEngine):
    """For bases without watch: looks at the outcomes every few milliseconds while a coroutine is running."""

    _polling = False

    def spawn(self, coroutine: Coroutine[Any, Any, Any], finish: Finish) -> Cancellable:
        pending = super().spawn(coroutine, finish)
        self._poll()
        return pending

    def _poll(self) -> None:
        if self._running and not self._polling:
            self._polling = True
            self._actor.wakeupAfter(POLL, Due(0))

    def wake(self, payload: object) -> None:
        if payload == Due(0):
            self._polling = False
        super().wake(payload)
        self._running = {pending for pending in self._running if not pending.cancelled}
        self._poll()
