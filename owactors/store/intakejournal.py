"""What an invoker has taken from its topic and not yet ended, in a file that outlives the process.

Each line is a JSON array: `["taken", id, message]`, `["claimed", id, …]`, `["begun", id]` or `["ended", id]`; the first
is `["boot", mark]`. Lines are handed to the system at once, so that a killed process loses none. A machine that loses
its power may lose the last ones: of what was written before it was started, all that was claimed may have begun.
"""

from __future__ import annotations

import os
import time
from collections import OrderedDict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from attrs import define, field

from owactors.message.payload import from_payload, to_payload

#: another text each time the machine starts
BOOT = Path("/proc/sys/kernel/random/boot_id")
#: activations that ended and are still known by their ids: here, or in what the last process wrote
MOST_ENDED = 50_000
#: of these so many are written when the file is written anew: more than are taken until a commit is through
KEPT_ENDED = 2_000
#: bytes beyond which the file is written anew, if it has doubled since the last time
MOST_BYTES = 4 * 1024 * 1024


@define(eq=False)
class TakenActivation:
    """A message as a JSON value. `claimed`: nobody else may run it; `begun`: it may have run.

    `since`: monotonic seconds when this process took it, or found it.
    """

    message: dict[str, Any]
    claimed: bool = False
    begun: bool = False
    since: float = field(factory=time.monotonic)


@define(eq=False)
class IntakeJournal:
    """Open from `open` to `close`; one process at a time."""

    path: Path
    most_bytes: int = MOST_BYTES
    _open: dict[str, TakenActivation] = field(factory=dict)
    #: ordered, for the first of a plain dict is the slower to find the more were removed before it
    _ended: OrderedDict[str, None] = field(factory=OrderedDict)
    _file: int = -1
    _bytes: int = 0
    _fresh_bytes: int = 0
    _boot: str = field(factory=lambda: _this_boot())

    @classmethod
    def open(cls, path: Path, most_bytes: int = MOST_BYTES) -> IntakeJournal:
        """Reads what an earlier process left. OSError."""
        journal = cls(path, most_bytes)
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            journal._read(path.read_bytes())
        journal._write_anew()
        return journal

    def _read(self, content: bytes) -> None:
        """A last line that was cut off counts for nothing."""
        boot = ""
        for line in content.splitlines():
            try:
                what, *rest = from_payload(line)
            except ValueError:
                continue
            if what == "boot":
                boot = rest[0]
            elif what == "taken":
                self._open[rest[0]] = TakenActivation(rest[1])
            elif what == "ended":
                self._open.pop(rest[0], None)
                self._ended[rest[0]] = None
            else:
                self._mark(what, rest)
        if boot != self._boot:
            self._mark("begun", [key for key, entry in self._open.items() if entry.claimed])

    def _mark(self, what: str, keys: list[str]) -> None:
        for key in keys:
            entry = self._open.get(key)
            if entry is not None and what == "claimed":
                entry.claimed = True
            elif entry is not None:
                entry.begun = True

    @property
    def unfinished(self) -> dict[str, TakenActivation]:
        """By activation id, what was taken and has not ended; oldest first."""
        return dict(self._open)

    def knows(self, activation_id: str) -> bool:
        """True if it is ours: claimed, and has not ended or did so not long ago."""
        entry = self._open.get(activation_id)
        return entry.claimed if entry is not None else activation_id in self._ended

    def awaits(self, activation_id: str) -> bool:
        """Whether it was read from the topic and is not claimed yet."""
        entry = self._open.get(activation_id)
        return entry is not None and not entry.claimed

    def taken(self, messages: Iterable[dict[str, Any]], *, claimed: bool = False) -> None:
        """These messages, as JSON values, have come; unless `claimed`, somebody else may still have them."""
        for message in messages:
            key = message["activationId"]
            self._append(["taken", key, message])  # first: what cannot be written is not known
            self._open[key] = TakenActivation(message)
            if claimed:
                self.claimed([key])

    def claimed(self, activation_ids: Iterable[str]) -> None:
        """They are ours from now on, and nobody else may run them."""
        keys = [key for key in activation_ids if key in self._open]
        if keys:
            self._append(["claimed", *keys])
            self._mark("claimed", keys)

    def begun(self, activation_id: str) -> None:
        """From now on it may have run."""
        entry = self._open.get(activation_id)
        if entry is not None and not entry.begun:
            self._append(["begun", activation_id])
            entry.begun = True

    def not_claimed(self, activation_ids: Iterable[str] | None = None) -> None:
        """They were given to somebody else, or come again; None: all that are not claimed."""
        keys = list(self._open) if activation_ids is None else list(activation_ids)
        for key in keys:
            entry = self._open.get(key)
            if entry is not None and not entry.claimed:
                del self._open[key]
                self._append(["ended", key])

    def ended(self, activation_ids: Iterable[str]) -> None:
        """They are answered and have their records."""
        for key in activation_ids:
            if self._open.pop(key, None) is not None:
                self._append(["ended", key])
            self._ended[key] = None
        while len(self._ended) > MOST_ENDED:
            self._ended.popitem(last=False)
        if self._bytes > max(self.most_bytes, 2 * self._fresh_bytes):
            self._write_anew()

    def close(self) -> None:
        """Again is no error."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _append(self, entry: list[Any]) -> None:
        line = to_payload(entry) + b"\n"
        self._bytes += os.write(self._file, line)

    def _write_anew(self) -> None:
        """With what has not ended, and what did last; the old file holds until the new one is whole."""
        self.close()
        fresh = self.path.with_suffix(".new")
        ended = [["ended", key] for key in list(self._ended)[-KEPT_ENDED:]]
        left = [line for key, entry in self._open.items() for line in _lines(key, entry)]
        lines = [to_payload(entry) + b"\n" for entry in [["boot", self._boot], *ended, *left]]
        fresh.write_bytes(b"".join(lines))
        os.replace(fresh, self.path)
        self._file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        self._bytes = self._fresh_bytes = sum(map(len, lines))


def _this_boot() -> str:
    try:
        return BOOT.read_text().strip()
    except OSError:
        return "unknown"


def _lines(key: str, entry: TakenActivation) -> list[list[Any]]:
    """What has begun is not run again, so that its arguments are not needed any more."""
    message = {name: value for name, value in entry.message.items() if name != "content" or not entry.begun}
    marks = [[mark, key] for mark, holds in (("claimed", entry.claimed), ("begun", entry.begun)) if holds]
    return [["taken", key, message], *marks]
