"""`owactors …` with a stopwatch inside, for scripts/bench: python scripts/bench_probe.py FOLDER ARGUMENT ...

Wraps the functions at which the steps of a warm call begin or end, and looks 250 times in each second of CPU where the
main thread is. Each process writes what it saw to FOLDER/<pid>.json when it ends. Nothing of this is in the product.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

SAMPLE_SECONDS = 0.004
Name = Callable[[tuple[Any, ...], Any], str]


def _plain(args: tuple[Any, ...], result: Any) -> str:
    return ""


def _last(args: tuple[Any, ...], result: Any) -> str:
    """The class of a function's last argument."""
    return type(args[-1]).__name__


def _message(args: tuple[Any, ...], result: Any) -> str:
    """The class of the message that an actor's handler was given: `(self, message, sender)`."""
    return type(args[1]).__name__


def _result(args: tuple[Any, ...], result: Any) -> str:
    return type(result).__name__


#: module, function, what distinguishes its calls
WATCHED: tuple[tuple[str, str, Name], ...] = (
    ("uvicorn.protocols.http.httptools_impl", "HttpToolsProtocol.data_received", _plain),
    ("uvicorn.protocols.http.httptools_impl", "RequestResponseCycle.send", _plain),
    ("owactors.rest.application", "Application._http", _plain),
    ("owactors.rest.application", "Application._send", _plain),
    ("owactors.rest.authentication", "Authentication.identify", _plain),
    ("owactors.rest.entitling", "Entitlement.check", _plain),
    ("owactors.rest.repository", "Repository.resolve", _plain),
    ("owactors.rest.invoking", "PrimitiveRunner.message", _plain),
    ("owactors.actor.io", "IoActor.receiveMessage", _message),
    ("owactors.actor.loadbalancer", "LoadBalancer._send", _plain),
    ("owactors.actorbase.manager", "pack_letter", _last),
    ("owactors.actorbase.outbox", "Outbox.flush", _plain),
    ("owactors.actorbase.incoming", "Incoming._read", _plain),
    ("owactors.actorbase.incoming", "loads", _result),
    ("owactors.actor.containerwork", "run", _plain),
    ("owactors.actor.containerwork", "collect_logs", _plain),
    ("owactors.actor.containerproxy", "ContainerProxy._outcome", _message),
    ("owactors.container.http_connection", "Connection._begin", _plain),
    ("owactors.container.http_connection", "Connection.data_received", _plain),
    ("owactors.observe.logs", "Log.write", _plain),
    ("owactors.observe.stories", "Stories.note", _plain),
    ("owactors.store.sqlite.writer", "Writer._write", _plain),
)


class Probe:
    """What one process saw, in ns of the monotonic clock, which all processes of a machine share.

    Marks: `[name, begin or end, at]`. Samples: `[at, CPU of the main thread, of the others, module]`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.marks: list[tuple[str, int, int]] = []
        self._samples: list[tuple[int, int, int, str]] = []
        self._main = self._all = 0

    def begin(self) -> None:
        """In a process that was just forked."""
        self.marks, self._samples = [], []
        self._main, self._all = time.thread_time_ns(), time.process_time_ns()
        signal.signal(signal.SIGPROF, self._sample)
        signal.setitimer(signal.ITIMER_PROF, SAMPLE_SECONDS, SAMPLE_SECONDS)

    def _sample(self, _: int, frame: FrameType | None) -> None:
        main, total = time.thread_time_ns(), time.process_time_ns()
        mine, others = main - self._main, max(0, total - self._all - (main - self._main))
        self._main, self._all = main, total
        if frame is not None:
            self._samples.append((time.perf_counter_ns(), mine, others, frame.f_globals.get("__name__", "?")))

    def write(self) -> None:
        """At the end of the process."""
        signal.setitimer(signal.ITIMER_PROF, 0)
        text = json.dumps({"marks": self.marks, "samples": self._samples})
        (self._folder / f"{os.getpid()}.json").write_text(text)

    def watch(self, module: str, path: str, name: Name) -> None:
        """Note each begin (0) and end (1) of a function."""
        owner: Any = importlib.import_module(module)
        *outer, last = path.split(".")
        for part in outer:
            owner = getattr(owner, part)
        function = inspect.getattr_static(owner, last)
        wrapper = self._around_coroutine if inspect.iscoroutinefunction(function) else self._around
        setattr(owner, last, functools.wraps(function)(wrapper(function, path, name)))

    def _around(self, function: Any, path: str, name: Name) -> Any:
        def watched(*args: Any, **more: Any) -> Any:
            begun = time.perf_counter_ns()
            result = function(*args, **more)
            ended, full = time.perf_counter_ns(), f"{path} {name(args, result)}".strip()
            self.marks += ((full, 0, begun), (full, 1, ended))
            return result

        return watched

    def _around_coroutine(self, function: Any, path: str, name: Name) -> Any:
        async def watched(*args: Any, **more: Any) -> Any:
            begun = time.perf_counter_ns()
            result = await function(*args, **more)
            ended, full = time.perf_counter_ns(), f"{path} {name(args, result)}".strip()
            self.marks += ((full, 0, begun), (full, 1, ended))
            return result

        return watched


def main() -> None:
    """Installs the probe, then runs the command."""
    probe = Probe(Path(sys.argv[1]))
    for watched in WATCHED:
        probe.watch(*watched)
    leave = os._exit

    def write_and_leave(status: int) -> None:
        probe.write()
        leave(status)

    os.register_at_fork(after_in_child=probe.begin)
    os._exit = write_and_leave  # type: ignore[assignment]
    sys.argv[1:] = sys.argv[2:]
    command = importlib.import_module("owactors.cli")
    command.main()


if __name__ == "__main__":
    main()
