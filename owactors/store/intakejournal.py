"""What an invoker has taken from its topic and not yet ended, in a file that outlives the process.

Each line is a JSON array: `["taken", id, message without its arguments]` or `["ended", id]`. Lines are handed to the
system at once, so that a killed process loses none; a machine that loses its power may lose the last ones.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson
from attrs import define, field

#: activations that ended and are still known by their ids: here, or in what the last process wrote
MOST_ENDED = 50_000
#: of these so many are written when the file is written anew: more than are taken until a commit is through
KEPT_ENDED = 2_000
#: bytes beyond which the file is written anew
MOST_BYTES = 4 * 1024 * 1024


@define(eq=False)
class IntakeJournal:
    """Open from `open` to `close`; one process at a time."""

    path: Path
    most_bytes: int = MOST_BYTES
    _open: dict[str, Any] = field(factory=dict)
    _ended: dict[str, None] = field(factory=dict)
    _file: int = -1
    _bytes: int = 0

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
        for line in content.splitlines():
            try:
                what, key, *rest = orjson.loads(line)
            except ValueError:
                continue
            if what == "taken":
                self._open[key] = rest[0]
            else:
                self._open.pop(key, None)
                self._ended[key] = None

    @property
    def unfinished(self) -> dict[str, Any]:
        """Activation id to message, of what was taken and has not ended; oldest first."""
        return dict(self._open)

    def knows(self, activation_id: str) -> bool:
        """True if it was taken, and has not ended or did so not long ago."""
        return activation_id in self._open or activation_id in self._ended

    def taken(self, messages: Iterable[dict[str, Any]]) -> None:
        """These messages, as JSON values, are ours from now on."""
        for message in messages:
            key = message["activationId"]
            kept = {name: value for name, value in message.items() if name != "content"}
            self._append(["taken", key, kept])  # first: what cannot be written is not known
            self._open[key] = kept

    def ended(self, activation_ids: Iterable[str]) -> None:
        """They are answered and have their records."""
        for key in activation_ids:
            if self._open.pop(key, None) is not None:
                self._append(["ended", key])
            self._ended[key] = None
        while len(self._ended) > MOST_ENDED:
            del self._ended[next(iter(self._ended))]
        if self._bytes > self.most_bytes:
            self._write_anew()

    def close(self) -> None:
        """Again is no error."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _append(self, entry: list[Any]) -> None:
        line = orjson.dumps(entry) + b"\n"
        self._bytes += os.write(self._file, line)

    def _write_anew(self) -> None:
        """With what has not ended, and what did last; the old file holds until the new one is whole."""
        self.close()
        fresh = self.path.with_suffix(".new")
        ended = [["ended", key] for key in list(self._ended)[-KEPT_ENDED:]]
        left = [["taken", key, message] for key, message in self._open.items()]
        lines = [orjson.dumps(entry) + b"\n" for entry in [*ended, *left]]
        fresh.write_bytes(b"".join(lines))
        os.replace(fresh, self.path)
        self._file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        self._bytes = sum(map(len, lines))
