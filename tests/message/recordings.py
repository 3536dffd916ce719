"""The messages that a running OpenWhisk left on its topics."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from attrs import frozen

FOLDER = Path(__file__).parents[1] / "data" / "wire_recordings"
TOPICS = ("invoker", "completed", "health", "events", "cacheInvalidation", "injected")


@frozen
class Recorded:
    """One message: the topic without its number, the call that caused it, the JSON value, and the text it was."""

    topic: str
    call: str
    offset: int
    value: Any
    text: str

    @property
    def where(self) -> str:
        """For messages of assertions."""
        return f"{self.topic}#{self.offset} ({self.call})"


def recorded(name: str) -> Iterator[Recorded]:
    """The lines of one file, in the order of the topic."""
    for line in (FOLDER / f"kafka_{name}.jsonl").read_text().splitlines():
        entry = json.loads(line)
        topic, text = entry["topic"].rstrip("0123456789"), entry["value"]
        yield Recorded(topic, entry["call"], entry["offset"], json.loads(text), text)
