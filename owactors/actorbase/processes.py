"""Processes: forking one for a child actor, noticing its death, and not outliving the parent."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import logging
import os
import signal
import sys
from collections.abc import Callable
from typing import Any, NoReturn

from owactors.actorbase.counters import COUNTERS
from owactors.actorbase.limits import ORPHAN_GRACE

LOG = logging.getLogger(__name__)
PR_SET_PDEATHSIG = 1
PARENT_DIED = signal.SIGUSR2
EXIT_SIGNALS = (signal.SIGTERM, signal.SIGQUIT, signal.SIGABRT)
IGNORED_SIGNALS = (signal.SIGINT, signal.SIGHUP)
_libc = ctypes.CDLL(None, use_errno=True)


def fork(main: Callable[[], None], keep: Callable[[], set[int]]) -> int:
    """Run `main` in a new process; its id. Of our open descriptors the child has only `keep()` and the log's.

    The child never returns into the caller's code, runs no atexit handlers and leaves nothing to flush twice.
    """
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    pid = os.fork()
    if pid:
        return pid
    _child(main, keep)


def _child(main: Callable[[], None], keep: Callable[[], set[int]]) -> NoReturn:
    status = 1
    try:
        gc.freeze()  # the parent's objects stay shared, and their finalizers do not run here
        asyncio._set_running_loop(None)
        COUNTERS.reset()
        silence(keep() | _logs())
        main()
        status = 0
    except SystemExit as leaving:
        status = leaving.code if isinstance(leaving.code, int) else 1
    except BaseException:
        LOG.exception("an actor process failed")
    finally:
        try:
            _flush_logs()
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
        finally:
            os._exit(status)


def silence(keep: set[int]) -> None:
    """Let every other inherited descriptor point to /dev/null.

    They are not closed: objects of the parent that still know the number might later close somebody else's.
    """
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    for name in os.listdir("/proc/self/fd"):
        descriptor = int(name)
        if descriptor > 2 and descriptor != null and descriptor not in keep:
            try:
                os.dup2(null, descriptor, inheritable=False)
            except OSError:
                pass  # the listing's own descriptor
    os.close(null)


def _flush_logs() -> None:
    """Handlers may gather lines."""
    for reference in list(logging._handlerList):  # type: ignore[attr-defined]
        handler = reference()
        try:
            if handler is not None:
                handler.flush()
        except (OSError, ValueError):
            pass  # what it writes to is closed


def _logs() -> set[int]:
    """Descriptors that logging writes to."""
    found: set[int] = set()
    for reference in list(logging._handlerList):  # type: ignore[attr-defined]
        handler = reference()
        for candidate in (getattr(handler, "stream", None), getattr(handler, "socket", None)):
            try:
                found.add(candidate.fileno())  # type: ignore[union-attr]
            except (AttributeError, OSError, ValueError):
                pass  # not a file, or closed
    return found


class ProcessWatch:
    """Reports the end of other processes on a loop, by process descriptors: no signal handler, no polling."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def watch(self, pid: int, ended: Callable[[], None]) -> None:
        """Call `ended` once when this process is gone; reaps it if it is a child. ProcessLookupError.

        One process may be watched several times.
        """
        descriptor = os.pidfd_open(pid)
        self._loop.add_reader(descriptor, self._ended, descriptor, pid, ended)

    def _ended(self, descriptor: int, pid: int, ended: Callable[[], None]) -> None:
        self._loop.remove_reader(descriptor)
        os.close(descriptor)
        try:
            os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            pass  # not our child, or reaped by somebody else
        ended()


class OrphanGuard:
    """Ends this process when its parent dies: tries in order, then is killed by the kernel.

    Works also while a handler blocks: the signal comes from the kernel, and so does the alarm that ends the process.
    """

    def __init__(self, parent: int, leave: Callable[[], None]) -> None:
        self._parent, self._leave = parent, leave
        signal.signal(PARENT_DIED, self._signalled)
        if _libc.prctl(PR_SET_PDEATHSIG, int(PARENT_DIED), 0, 0, 0):
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
        self._signalled()

    def _signalled(self, *_: Any) -> None:
        if os.getppid() != self._parent:
            self._leave()
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(ORPHAN_GRACE)


def set_signals(leave: Callable[[], None], status: Callable[[], None]) -> None:
    """Signals of an actor process: SIGTERM and the like are exit requests, those of a terminal are not for us."""
    signal.set_wakeup_fd(-1)
    for each in EXIT_SIGNALS:
        signal.signal(each, lambda *_: leave())
    for each in IGNORED_SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    signal.signal(signal.SIGUSR1, lambda *_: status())
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
