"""What is written to a topic is, byte for byte, what a running OpenWhisk wrote: the order of the fields, too."""

from __future__ import annotations

import json

import pytest

from owactors.message.payload import to_payload
from tests.message.recordings import FOLDER
from tests.message.test_recordings import READERS

#: of these the order of a user's own fields may differ: arguments that were merged, a result that was a few fields
FREE = {"content", "result", "lockedArgs"}


def sorted_within(value: object, free: bool = False) -> object:
    """The value, a user's own fields in the order of their names."""
    if isinstance(value, dict):
        names = sorted(value) if free else list(value)
        return {name: sorted_within(value[name], free or name in FREE) for name in names}
    return [sorted_within(part, free) for part in value] if isinstance(value, list) else value


@pytest.mark.parametrize("topic", READERS)
def test_the_bytes_are_the_recorded_ones(topic: str) -> None:
    same = compared = 0
    for line in (FOLDER / f"kafka_{topic}.jsonl").read_text().splitlines():
        theirs = json.loads(line)["value"]
        if '": ' in theirs:
            continue  # by a script that played an invoker, not by OpenWhisk
        mine = to_payload(READERS[topic](json.loads(theirs)).to_json()).decode()
        compared += 1
        same += mine == theirs
        assert json.dumps(sorted_within(json.loads(mine))) == json.dumps(sorted_within(json.loads(theirs)))
    assert compared >= 13
    assert same / compared > 0.8
