"""Running the loop of a process as Thespian wants it: `run(handler, duration)` until the handler says stop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

from thespian.system.timing import ExpirationTimer
from thespian.system.transport import (
    Thespian__Run_Expired,
    Thespian__Run_HandlerResult,
    Thespian__Run_Terminated,
    TransmitOnly,
)

from owactors.actorbase.loops import new_loop

Handler = Callable[[Any], Any]
RETURN_FIRST = object()
"""Handler of a run that ends with the first message."""


class Running:
    """The state of one process's loop. Subclasses say what is pending and what to do at the end of a run."""

    def __init__(self) -> None:
        # A forked child inherits its parent's running loop.
        asyncio._set_running_loop(None)
        self.loop = new_loop()
        self.thread: int | None = None
        self.handler: Any = None
        self._result: Any = None
        self._error: BaseException | None = None
        self._draining: bool | None = None
        self._guard = threading.RLock()

    # -- for subclasses to fill

    def pending(self) -> bool:
        raise NotImplementedError

    def kick(self) -> None:
        raise NotImplementedError

    def hurry(self) -> None:
        """What is pending should end soon."""
        raise NotImplementedError

    def flush_all(self) -> None:
        raise NotImplementedError

    # -- Thespian's side

    def run(self, handler: Any, maximumDuration: Any = None) -> Any:
        """Run until the handler returns something false, the time is over, or abort_run() was called.

        Without handler: until the first message. With TransmitOnly: until nothing is pending.
        """
        if self.loop.is_running():
            return 0
        if handler is TransmitOnly or isinstance(handler, TransmitOnly):
            if not self.pending():
                return 0
            handler = TransmitOnly
            self.hurry()
        return self._run(RETURN_FIRST if handler is None else handler, maximumDuration)

    def _run(self, handler: Any, duration: Any) -> Any:
        with self._guard:
            self.handler, self._result, self._error, self._draining = handler, None, None, None
            self.thread = threading.get_ident()
        self.kick()
        seconds = ExpirationTimer(duration).view().remainingSeconds()
        timer = self.loop.call_later(seconds, self.finish, Thespian__Run_Expired()) if seconds is not None else None
        try:
            self.loop.run_forever()
        finally:
            if timer is not None:
                timer.cancel()
            with self._guard:
                self.thread = self.handler = None
                self.flush_all()
        if self._error is not None:
            raise self._error
        return self._result

    def abort_run(self, drain: bool = False) -> None:
        """End the run, with drain when nothing is pending any more."""
        self._draining = drain
        self.hurry()
        self.check_done()

    def check_done(self) -> None:
        """Called when something that was pending has ended."""
        if self.handler is TransmitOnly and not self.pending():
            self.finish(0)
        elif self._draining is not None and not (self._draining and self.pending()):
            self.finish(Thespian__Run_Terminated())

    def finish(self, result: Any) -> None:
        """The run ends with this result."""
        if self.handler is not None:
            self.handler, self._result = None, result
            self.loop.stop()

    def give_up(self, error: BaseException) -> None:
        """The run ends by raising this."""
        self._error = error
        self.finish(None)

    def handled(self, result: Any) -> bool:
        """A handler of Thespian's has returned; False if that ends the run."""
        if result:
            return True
        self.finish(Thespian__Run_HandlerResult(result))
        return False

    def in_loop(self, function: Callable[..., Any], *args: Any) -> None:
        """Call in the thread of the loop, now if that is this one or if nobody runs it."""
        with self._guard:
            if self.thread is None or self.thread == threading.get_ident():
                function(*args)
            else:
                self.loop.call_soon_threadsafe(function, *args)
