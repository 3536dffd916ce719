"""The output of one run, as it comes: many lines at once where nobody looks at each."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime

from attrs import define, field

from owactors.container.livelogs import LIVE, Subject
from owactors.core.logs import log_line

STDOUT, STDERR = 0, 1
STREAM_NAMES = ("stdout", "stderr")
MOST_LINES = 200_000
"""More of them, however short, would take a node's memory and its time: the log ends there."""


@define(eq=False)
class Stretch:
    """The output of one run: raw lines with their time (ns) and stream, no more than `limit` bytes of text.

    `remarks` are the platform's own lines, after all others and beyond the limit. `shared`: some lines may be others'.
    `namespace` invokes the action `/namespace/package/name`: for who follows the lines while they come.
    """

    limit: int
    activation_id: str = ""
    remarks: list[tuple[int, str]] = field(factory=list)
    size: int = 0
    count: int = 0
    dropped: bool = False
    shared: bool = False
    ended: list[bool] = field(factory=lambda: [False, False])
    last_line_at: float = 0.0
    namespace: str = ""
    action: str = ""
    #: time, stream, and lines with a line end between them
    _blocks: list[tuple[int, int, bytes]] = field(factory=list)

    @property
    def complete(self) -> bool:
        """True when the end marks of both streams came."""
        return self.ended[STDOUT] and self.ended[STDERR]

    def add(self, at: int, stream: int, line: bytes) -> None:
        """Keep a line if there is room for it; a line counts its bytes and its line end."""
        self.last_line_at = time.monotonic()
        if self.dropped or self.size + len(line) + 1 > self.limit or self.count >= MOST_LINES:
            self.dropped = True
            return
        self._keep(at, stream, line, 1)
        if LIVE.followers:
            LIVE.printed(self.subject(), format_line(at, stream, line.decode("utf-8", "replace")))

    def add_all(self, at: int, stream: int, lines: bytes) -> None:
        """The same with many lines, each with its line end."""
        if LIVE.followers:
            for line in lines[:-1].split(b"\n"):
                self.add(at, stream, line)
            return
        self.last_line_at = time.monotonic()
        if self.dropped:
            return
        fitting = lines[: lines.rfind(b"\n", 0, max(0, self.limit - self.size)) + 1]
        count = fitting.count(b"\n")
        if self.count + count > MOST_LINES:
            count = MOST_LINES - self.count
            fitting = b"\n".join([*fitting.split(b"\n", count)[:count], b""])
        self.dropped = len(fitting) < len(lines)
        if count:
            self._keep(at, stream, fitting[:-1], count)

    def lines(self) -> Iterator[tuple[int, int, bytes]]:
        """Each with its time and its stream."""
        for at, stream, block in self._blocks:
            for line in block.split(b"\n"):
                yield at, stream, line

    def texts(self, limit: int) -> tuple[list[str], bool]:
        """As they are stored, up to `limit` bytes; whether there were more."""
        found: list[str] = []
        size = 0
        for at, stream, block in self._blocks:
            head = format_line(at, stream, "")
            if size + len(block) + 1 <= limit:
                size += len(block) + 1
                found += [head + line for line in block.decode("utf-8", "replace").split("\n")]
                continue
            for line in block.split(b"\n"):
                size += len(line) + 1
                if size > limit:
                    return found, True
                found.append(head + line.decode("utf-8", "replace"))
        return found, self.dropped

    def subject(self) -> Subject:
        """Whose lines these are."""
        return Subject(self.activation_id, self.namespace, self.action.lstrip("/").partition("/")[2])

    def _keep(self, at: int, stream: int, block: bytes, count: int) -> None:
        self.size += len(block) + 1
        self.count += count
        self._blocks.append((at, stream, block))


def format_line(at: int, stream: int, text: str) -> str:
    """One line as it is stored: time (epoch ns) padded to 30 columns, stream, text."""
    seconds, nanos = divmod(at, 1_000_000_000)
    moment = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return log_line(f"{moment}.{nanos:09d}Z", STREAM_NAMES[stream], text)
