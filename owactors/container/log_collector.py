"""What a container prints, cut into activations.

Each stream is a sequence of stretches, and the proxy ends each with a sentinel; stretch number n of both
streams is the log of run number n. That is why the output of two activations can never mix, no matter when it
is read. The collector takes bytes whenever they come and never refuses any, so a container never waits for
its reader.

Where activations run at the same time, the proxies begin each line with a tag: a byte 30, the activation id, a
byte 31. Lines without one (of a program that the action started, or of a runtime that knows nothing of tags) go to
every activation that runs just then, and one more line at the end says so.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import deque
from collections.abc import Iterator

from attrs import define, field

from owactors.container.livelogs import LIVE, Printed
from owactors.container.port import DEFAULT_LOG_LIMIT, MIB, Logs
from owactors.container.stretch import STDERR, STDOUT, Stretch, format_line
from owactors.core.logs import LOG_FAILURE, SENTINEL, LogState, truncated_logs

__all__ = ["MARK", "STDERR", "STDOUT", "LogCollector", "format_line"]
MARK = SENTINEL.encode()
END = MARK + b"\n"
IDLE_TIMEOUT = 2.0
LONGEST_LINE = MIB
"""A longer line is cut in pieces, so that a stream without line ends cannot fill the memory."""

TAGGED = re.compile(rb"\x1e([0-9A-Za-z_-]{1,64})\x1f")
SHARED = "Lines of this log may belong to other activations that ran in the same container at the same time."

MOST_STRETCHES = 1024
"""More unfinished runs than this mean that the container writes no end marks."""


@define(eq=False)
class LogCollector:
    """Feed it with `receive` and `end_of_stream`; call `begin` before each run and `collect` after it."""

    _stretches: deque[Stretch] = field(factory=deque)
    _early: Stretch = field(factory=lambda: Stretch(DEFAULT_LOG_LIMIT))
    _started: bool = False
    _rest: list[bytearray] = field(factory=lambda: [bytearray(), bytearray()])
    _closed: list[bool] = field(factory=lambda: [False, False])
    _changed: asyncio.Event = field(factory=asyncio.Event)
    _tagged: bool = False

    def __attrs_post_init__(self) -> None:
        LIVE.prints(self)

    def begin(
        self,
        limit: int = DEFAULT_LOG_LIMIT,
        activation_id: str = "",
        concurrent: bool = False,
        namespace: str = "",
        action: str = "",
    ) -> None:
        """A run is about to start; at most `limit` bytes of its output are kept. `concurrent`: others may overlap."""
        self._forget_finished()
        self._tagged = self._tagged or concurrent
        stretch = Stretch(limit, activation_id, ended=list(self._closed), namespace=namespace, action=action)
        if not self._started:
            self._started = True
            early, self._early = self._early, Stretch(DEFAULT_LOG_LIMIT, remarks=self._early.remarks)
            for line in early.lines():
                stretch.add(*line)
        self._stretches.append(stretch)

    def receive(self, stream: int, data: bytes) -> None:
        """Bytes from `stream`, in pieces of any size."""
        now = time.time_ns()
        rest = self._rest[stream]
        if data.find(b"\n") < 0 and len(rest) + len(data) < LONGEST_LINE:
            rest += data
            return
        lines = bytes(rest) + data
        end = lines.rfind(b"\n") + 1
        rest[:] = lines[end:]
        self._take_all(now, stream, lines[:end])
        while len(rest) >= LONGEST_LINE:
            take = self._take if self._tagged else self._add
            take(now, stream, bytes(rest[:LONGEST_LINE]))
            del rest[:LONGEST_LINE]
        self._changed.set()

    def end_of_stream(self, stream: int) -> None:
        """No more will come from `stream`: its partial line is a line, and every run on it has ended."""
        self._flush(stream)
        self._closed[stream] = True
        for stretch in self._stretches:
            stretch.ended[stream] = True
        self._changed.set()

    def remark(self, text: str, activation_id: str = "") -> None:
        """Add a line of the platform's own, on stderr, to the log of this run, or of the newest."""
        stretch = self._of(activation_id) or (self._stretches[-1] if self._stretches else self._early)
        stretch.remarks.append((time.time_ns(), text))

    async def collect(self, limit: int, wait_for_sentinel: bool, activation_id: str = "") -> Logs:
        """The log of the run with this id, or of the oldest one not collected yet; see Container.logs."""
        stretch = self._of(activation_id) or self._oldest()
        if wait_for_sentinel and not stretch.complete:
            await self._wait(stretch, max(5.0, limit / MIB) * 2.0)
        failed = wait_for_sentinel and not all(stretch.ended)
        for stream in (STDOUT, STDERR):
            if not stretch.ended[stream]:
                self._flush(stream)
        self._drop(stretch)
        return _logs(stretch, limit, failed)

    def at_hand(self, limit: int, activation_id: str) -> Logs | None:
        """The log of the run with this id if all of it has come; see Container.logs_at_hand."""
        stretch = self._of(activation_id)
        if stretch is None or not stretch.complete:
            return None
        self._drop(stretch)
        return _logs(stretch, limit, False)

    def printed_so_far(self) -> Iterator[Printed]:
        """See livelogs.Source."""
        for stretch in self._stretches:
            for at, stream, line in () if stretch.complete else stretch.lines():
                yield stretch.subject(), format_line(at, stream, line.decode("utf-8", "replace"))

    def early_text(self) -> str:
        """What was printed before the first run, for the message of a container that did not start."""
        lines = [line for _, _, line in self._early.lines()] + [bytes(rest) for rest in self._rest if rest]
        return b"\n".join(lines).decode("utf-8", "replace")

    @property
    def waiting(self) -> bool:
        """True if a run was begun whose end marks have not come yet."""
        return any(not stretch.complete for stretch in self._stretches)

    async def _wait(self, stretch: Stretch, total: float) -> None:
        started = stretch.last_line_at = time.monotonic()
        while not stretch.complete:
            now = time.monotonic()
            patience = min(started + total, stretch.last_line_at + IDLE_TIMEOUT) - now
            if patience <= 0:
                return
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), patience)
            except TimeoutError:
                continue

    def _take_all(self, now: int, stream: int, lines: bytes) -> None:
        """Lines, each with its line end. As many as possible at once: a flood of them must not hold up the node."""
        if self._tagged:
            for line in lines.split(b"\n")[:-1]:
                self._take_tagged(now, stream, line)
            return
        while (at := lines.find(END)) >= 0:
            begin, end = lines.rfind(b"\n", 0, at) + 1, at + len(END)
            self._add_all(now, stream, lines[:begin])
            self._take(now, stream, lines[begin : end - 1])
            lines = lines[end:]
        self._add_all(now, stream, lines)

    def _take(self, now: int, stream: int, line: bytes) -> None:
        if self._tagged:
            self._take_tagged(now, stream, line)
        elif not line.endswith(MARK):
            self._add(now, stream, line)
        else:
            # The mark may be glued to a last line that has no line end of its own.
            if len(line) > len(MARK):
                self._add(now, stream, line[: -len(MARK)])
            stretch = self._current(stream)
            if stretch is not None:
                stretch.ended[stream] = True

    def _take_tagged(self, now: int, stream: int, line: bytes) -> None:
        """Of a line with a tag its activation is known; what stands before the tag has none."""
        found = TAGGED.search(line)
        if found is None:
            self._take_untagged(now, stream, line)
            return
        if found.start() > 0:
            self._take_untagged(now, stream, line[: found.start()])
        stretch, text = self._of(found[1].decode()), line[found.end() :]
        if stretch is None or stretch.ended[stream]:
            return
        if text == MARK:
            stretch.ended[stream] = True
        else:
            stretch.add(now, stream, text)

    def _take_untagged(self, now: int, stream: int, line: bytes) -> None:
        """It belongs to all that run; an end mark ends the oldest."""
        running = [stretch for stretch in self._stretches if not stretch.ended[stream]]
        is_mark = line.endswith(MARK)
        text = line.removesuffix(MARK)
        if text or not is_mark:
            for stretch in running:
                stretch.add(now, stream, text)
                stretch.shared = stretch.shared or len(running) > 1
            if not self._started:
                self._early.add(now, stream, text)
        if is_mark and running:
            running[0].ended[stream] = True

    def _add(self, now: int, stream: int, line: bytes) -> None:
        stretch = self._current(stream)
        if stretch is not None:
            stretch.add(now, stream, line)
        elif not self._started:
            self._early.add(now, stream, line)
        # Else it was printed between two activations and belongs to none.

    def _add_all(self, now: int, stream: int, lines: bytes) -> None:
        stretch = self._current(stream)
        if stretch is None and not self._started:
            stretch = self._early
        if stretch is not None and lines:
            stretch.add_all(now, stream, lines)

    def _current(self, stream: int) -> Stretch | None:
        return next((s for s in self._stretches if not s.ended[stream]), None)

    def _flush(self, stream: int) -> None:
        rest = self._rest[stream]
        if rest:
            self._take(time.time_ns(), stream, bytes(rest))
            rest.clear()

    def _of(self, activation_id: str) -> Stretch | None:
        """The run with this id; of several the oldest, for an id may be given again."""
        return next((s for s in self._stretches if activation_id and s.activation_id == activation_id), None)

    def _oldest(self) -> Stretch:
        return next((s for s in self._stretches if s.limit > 0), self._early)

    def _drop(self, stretch: Stretch) -> None:
        if stretch is self._early:
            self._early = Stretch(DEFAULT_LOG_LIMIT)
            return
        if not stretch.complete and not self._tagged:
            while self._stretches[0] is not stretch:
                self._stretches.popleft()
        self._stretches.remove(stretch)

    def _forget_finished(self) -> None:
        """Nobody collects the output of runs with limit 0, so they go once their end marks came."""
        kept = [s for s in self._stretches if s.limit > 0 or not s.complete]
        self._stretches = deque(kept[-MOST_STRETCHES:])


def _logs(stretch: Stretch, limit: int, failed: bool) -> Logs:
    lines, over = stretch.texts(limit)
    remarks = stretch.remarks + ([(time.time_ns(), SHARED)] if stretch.shared else [])
    lines += [format_line(at, STDERR, text) for at, text in remarks]
    state: LogState = "timed_out" if failed else "truncated" if over else "complete"  # a lost end mark weighs more
    if state != "complete":
        text = truncated_logs(limit) if over else LOG_FAILURE
        lines.append(format_line(time.time_ns(), STDERR, text))
    return Logs(tuple(lines), state)
