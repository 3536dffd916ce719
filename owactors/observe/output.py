"""Where log lines go: gathered while a turn of the event loop lasts, then written at once.

A call leaves half a dozen lines, most of them several in one turn; a system call for each would cost more than to make
them. Warnings and errors, and lines of threads without a loop, are written at once, together with what was gathered.
"""

from __future__ import annotations

import asyncio
import logging
import os
import weakref
from typing import Protocol, TextIO

from owactors.entity.transaction import TransactionId

#: so many lines are written before the turn is over
MOST_LINES = 200


class Form(Protocol):
    """How a line looks."""

    def line(self, moment: float, level: int, transid: TransactionId, component: str, message: str) -> str:
        """Without its line end. `moment` in epoch seconds."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record of Python's logging."""


class LineOutput(logging.Handler):
    """The one handler of a process."""

    def __init__(self, stream: TextIO, form: Form) -> None:
        super().__init__()
        self.stream, self.form = stream, form
        #: always the same list: what is done to it is atomic, so that only writing needs the lock
        self._lines: list[str] = []
        #: the loop whose turn ends with a flush
        self._due_in: asyncio.AbstractEventLoop | None = None
        _OUTPUTS.add(self)

    def emit(self, record: logging.LogRecord) -> None:
        """A record of Python's logging."""
        try:
            line = self.form.format(record)
        except Exception:
            self.handleError(record)
        else:
            self.put(line, record.levelno)

    def put(self, line: str, level: int) -> None:
        """Write a line, at the end of this turn at the latest."""
        lines = self._lines
        lines.append(line)
        loop = asyncio._get_running_loop()
        if loop is None or level >= logging.WARNING or len(lines) >= MOST_LINES:
            self.flush()
        elif self._due_in is not loop:
            self._due_in = loop
            loop.call_soon(self.flush)

    def flush(self) -> None:
        """Write what was gathered."""
        self._due_in = None
        lines = self._lines
        self.acquire()
        try:
            if count := len(lines):
                text = "\n".join([*lines[:count], ""])
                del lines[:count]
                self.stream.write(text)
                self.stream.flush()
        except (OSError, ValueError):
            pass  # nobody reads our log any more: there is no place left to say so
        finally:
            self.release()


_OUTPUTS: weakref.WeakSet[LineOutput] = weakref.WeakSet()


def _flush_all() -> None:
    for output in list(_OUTPUTS):
        output.flush()


# else a child would write its parent's lines once more
os.register_at_fork(before=_flush_all)
