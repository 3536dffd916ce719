"""What was taken and not ended is known to the next process."""

from pathlib import Path
from typing import Any

import pytest

from owactors.store import intakejournal
from owactors.store.intakejournal import IntakeJournal


def message(key: str, **more: Any) -> dict[str, Any]:
    return {"activationId": key, "content": {"big": "x" * 100}, **more}


def test_what_has_not_ended_is_left_with_how_far_it_came(tmp_path: Path) -> None:
    path = tmp_path / "sub" / "taken.journal"
    first = IntakeJournal.open(path)
    first.taken([message("a", blocking=True), message("b"), message("c")])
    first.claimed(["a", "b", "unknown"])
    first.begun("a")
    first.ended(["b", "unknown"])
    assert [first.knows(key) for key in "abcd"] == [True, True, False, False]
    # the process is killed: nothing is closed
    again = IntakeJournal.open(path)
    assert again.knows("b")
    assert left(again) == {"a": (True, True), "c": (False, False)}
    assert again.unfinished["c"].message == message("c")
    assert "content" not in IntakeJournal.open(path).unfinished["a"].message
    again = IntakeJournal.open(path)
    again.not_claimed()
    again.ended(["a"])
    again.close()
    assert left(IntakeJournal.open(path)) == {}


def left(journal: IntakeJournal) -> dict[str, tuple[bool, bool]]:
    return {key: (entry.claimed, entry.begun) for key, entry in journal.unfinished.items()}


def test_a_line_that_was_cut_off_counts_for_nothing(tmp_path: Path) -> None:
    path = tmp_path / "taken.journal"
    IntakeJournal.open(path).taken([message("a"), message("b")])
    path.write_bytes(path.read_bytes()[:-5])
    assert list(IntakeJournal.open(path).unfinished) == ["a"]


def test_the_file_stays_small(tmp_path: Path) -> None:
    journal = IntakeJournal.open(tmp_path / "taken.journal", most_bytes=60_000)
    journal.taken([message("stays")])
    for number in range(6000):
        journal.taken([message(str(number))])
        journal.ended([str(number)])
    assert (tmp_path / "taken.journal").stat().st_size < 61_000
    assert list(IntakeJournal.open(tmp_path / "taken.journal").unfinished) == ["stays"]


def test_after_the_machine_was_started_anew_what_was_claimed_may_have_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, boot = tmp_path / "taken.journal", tmp_path / "boot"
    boot.write_text("one\n")
    monkeypatch.setattr(intakejournal, "BOOT", boot)
    first = IntakeJournal.open(path)
    first.taken([message("a"), message("b")])
    first.claimed(["a"])
    assert left(IntakeJournal.open(path)) == {"a": (True, False), "b": (False, False)}
    boot.write_text("two\n")
    assert left(IntakeJournal.open(path)) == {"a": (True, True), "b": (False, False)}
    assert left(IntakeJournal.open(path)) == {"a": (True, True), "b": (False, False)}
