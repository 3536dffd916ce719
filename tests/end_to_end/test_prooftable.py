"""The table of the proof: a run replaces the rows that it made, and no other."""

from __future__ import annotations

from tests.end_to_end.proof import Row, Setting
from tests.end_to_end.prooftable import BEGIN, END, HEAD, PAGE, with_rows

EMPTY = f"before\n{BEGIN}\n{END}\nafter\n"
ACTORS, KAFKA, THREE = Setting(5, "actors"), Setting(5, "Kafka"), Setting(3, "actors")


def made(setting: Setting, event: str, calls: int = 10, load: float = 1.0) -> Row:
    return Row(setting, event, calls, 1, calls - 1, calls - 2, 1, 0, 0, 2.5, 0.25, load)


def rows_of(page: str) -> list[str]:
    return [line for line in page.splitlines() if line.startswith("| ") and line not in HEAD.splitlines()]


def test_rows_are_written_between_the_marks() -> None:
    page = with_rows(EMPTY, [made(ACTORS, "nothing")], "2030-01-02")
    assert page.startswith(f"before\n{BEGIN}\n{HEAD}\n")
    assert page.endswith(f"{END}\nafter\n")
    assert rows_of(page) == ["| 5 | actors | nothing | 10 | 1 | 9 | 8 | 1 | 0 | 0 | 2.5 | 0.2 | 1.0 |"]
    assert "- 5 hosts over actors: last run on 2030-01-02, " in page


def test_a_run_replaces_its_own_rows_and_dates_only() -> None:
    page = with_rows(EMPTY, [made(KAFKA, "a"), made(ACTORS, "a"), made(ACTORS, "b")], "2030-01-02")
    again = with_rows(page, [made(ACTORS, "b", 77, 3.0), made(THREE, "b"), made(ACTORS, "c")], "2031-05-06")
    assert [line.split(" | ")[:4] for line in rows_of(again)] == [
        ["| 5", "actors", "a", "10"],
        ["| 5", "actors", "b", "77"],
        ["| 5", "actors", "c", "10"],
        ["| 5", "Kafka", "a", "10"],
        ["| 3", "actors", "b", "10"],
    ]
    assert [line.partition(", ")[0] for line in again.splitlines() if line.startswith("- ")] == [
        "- 5 hosts over actors: last run on 2031-05-06",
        "- 5 hosts over Kafka: last run on 2030-01-02",
        "- 3 hosts over actors: last run on 2031-05-06",
    ]


def test_the_same_rows_again_change_nothing() -> None:
    page = with_rows(EMPTY, [made(ACTORS, "a"), made(THREE, "b")], "2030-01-02")
    assert with_rows(page, [made(THREE, "b")], "2030-01-02") == page


def test_the_page_is_as_a_run_would_leave_it() -> None:
    page = PAGE.read_text()
    assert len(rows_of(page)) > 20
    assert rows_of(with_rows(page, [], "2030-01-02")) == rows_of(page)
