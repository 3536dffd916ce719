"""What is said of followed lines between hosts."""

from __future__ import annotations

import json
from typing import Any

import pytest

from owactors.entity.errors import DeserializationError
from owactors.message.livelogs import (
    ControllerFollows,
    LogWish,
    PrintedLine,
    PrintedLines,
    RemoteFollower,
    follows_from_json,
)
from owactors.message.payload import from_payload, to_payload

LINES = PrintedLines(
    RemoteFollower("0", "x", 7),
    (PrintedLine("1" * 32, "pkg/a", "… stdout: ü\ud800\t"), PrintedLine("2" * 32, "b", "")),
)
FOLLOWS = {
    "0": ControllerFollows("x", 3, (LogWish(1, "guest"), LogWish(2, "alice", "pkg/a"))),
    "b.1": ControllerFollows("y", 1, ()),
}


def test_lines_survive_a_topic_and_belong_to_the_controller_whose_it_is() -> None:
    value = from_payload(to_payload(LINES.to_json()))
    assert PrintedLines.from_json(value, "0") == LINES
    assert PrintedLines.from_json(value, "1").follower == RemoteFollower("1", "x", 7)


def test_wishes_survive_the_store() -> None:
    form = {name: each.to_json() for name, each in FOLLOWS.items()}
    assert follows_from_json(json.loads(json.dumps(form))) == FOLLOWS
    assert "action" not in form["0"]["wishes"][0]


@pytest.mark.parametrize(
    "value",
    [None, [], {}, {"life": "x", "follower": "1", "lines": []}, {"life": "x", "follower": 1, "lines": [["a", "b"]]}],
    ids=str,
)
def test_what_are_no_lines_is_refused(value: Any) -> None:
    with pytest.raises(DeserializationError):
        PrintedLines.from_json(value, "0")


@pytest.mark.parametrize("value", [3, {"0": {}}, {"0": {"life": "x", "beat": 1, "wishes": [{"number": 1}]}}], ids=str)
def test_what_are_no_wishes_is_refused(value: Any) -> None:
    with pytest.raises(DeserializationError):
        follows_from_json(value)
