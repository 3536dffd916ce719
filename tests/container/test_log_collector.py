"""The log collector, fed with bytes by hand."""

from __future__ import annotations

import asyncio
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from owactors.container import log_collector as module
from owactors.container import stretch
from owactors.container.log_collector import MARK, STDERR, STDOUT, LogCollector, format_line
from tests.container.backends import texts

END = MARK + b"\n"


def collect(collector: LogCollector, limit: int = 10_000, wait: bool = True) -> tuple[list[str], str]:
    """Texts and state of the next log."""
    logs = asyncio.run(collector.collect(limit, wait))
    return texts(logs.lines), logs.state


def both_ended(collector: LogCollector) -> None:
    """The end marks of a run."""
    collector.receive(STDOUT, END)
    collector.receive(STDERR, END)


@pytest.fixture(autouse=True)
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits two seconds here."""
    monkeypatch.setattr(module, "IDLE_TIMEOUT", 0.05)


def test_format() -> None:
    """As stored by OpenWhisk."""
    line = format_line(1785312000371204518, STDOUT, "greeting Ada")
    assert line == "2026-07-29T08:00:00.371204518Z stdout: greeting Ada"


@given(cuts=st.lists(st.integers(0, 200), max_size=12), glued=st.booleans())
def test_frames_cut_anywhere(cuts: list[int], glued: bool) -> None:
    """Pieces are not lines, and end marks may be cut too or stand behind a line without end."""
    data = b"first\nsecond \xc3\xa4\nthird" + (b"" if glued else b"\n") + END
    places = sorted({min(cut, len(data)) for cut in cuts} | {0, len(data)})
    collector = LogCollector()
    collector.begin()
    for start, end in itertools.pairwise(places):
        collector.receive(STDOUT, data[start:end])
    collector.receive(STDERR, END)
    assert collect(collector) == (["stdout: first", "stdout: second ä", "stdout: third"], "complete")


PIECES = st.sampled_from([b"a", b"bc", b"\n", b"\n\n", MARK, END, MARK[:5], b"\xc3\xa4", b"\xc3", b"x" * 40])


@given(pieces=st.lists(PIECES, max_size=30), cuts=st.lists(st.integers(0, 400), max_size=8), limit=st.integers(0, 120))
def test_many_lines_at_once_are_as_one_after_the_other(pieces: list[bytes], cuts: list[int], limit: int) -> None:
    """Kept up to the first that does not fit, cut at end marks, wherever the pieces are cut."""
    data = b"".join([b"begin\n", *pieces, b"\n", END, END])
    wanted: list[list[str]] = [[]]
    room = limit
    for line in data.split(b"\n")[:-1]:
        text = line.removesuffix(MARK)
        if text or text == line:
            room = -1 if len(text) + 1 > room else room - len(text) - 1
            if room >= 0:
                wanted[-1].append(f"stdout: {text.decode('utf-8', 'replace')}")
        if text != line:
            wanted.append([])
            room = limit
    runs = data.count(END)
    collector = LogCollector()
    for _ in range(runs):
        collector.begin(limit)
    places = sorted({min(cut, len(data)) for cut in cuts} | {0, len(data)})
    for start, end in itertools.pairwise(places):
        collector.receive(STDOUT, data[start:end])
    collector.receive(STDERR, END * runs)
    notes = ("stderr: Logs were truncated",)
    logs = [asyncio.run(collector.collect(10_000, True)) for _ in range(runs)] if limit else []
    found = [[text for text in texts(log.lines) if not text.startswith(notes)] for log in logs]
    assert found == (wanted[:runs] if limit else [])


def test_a_flood_of_short_lines_is_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """By their number, in whichever pieces they come."""
    monkeypatch.setattr(stretch, "MOST_LINES", 5)
    for pieces in ([b"\n" * 9], [b"a\nb\n", b"c\nd\ne\nf\ng\n", b"h\n"], [b"\n"] * 9):
        collector = LogCollector()
        collector.begin()
        for piece in pieces:
            collector.receive(STDOUT, piece)
        both_ended(collector)
        lines, state = collect(collector)
        assert (len(lines), state) == (6, "truncated")


@pytest.mark.scenario("WIRE-20")
def test_streams_end_at_different_times() -> None:
    """The next run's output on one stream does not get into this run's log."""
    collector = LogCollector()
    collector.begin()
    collector.receive(STDERR, b"e1\n" + END)
    collector.receive(STDOUT, b"o1\n")
    collector.begin()
    collector.receive(STDERR, b"e2\n")
    collector.receive(STDOUT, END + b"o2\n" + END)
    collector.receive(STDERR, END)
    assert collect(collector) == (["stderr: e1", "stdout: o1"], "complete")
    assert collect(collector) == (["stderr: e2", "stdout: o2"], "complete")


def test_output_of_init_belongs_to_the_first_run() -> None:
    """It was printed before any run began."""
    collector = LogCollector()
    collector.receive(STDOUT, b"loading\n")
    collector.begin()
    collector.receive(STDOUT, b"running\n")
    both_ended(collector)
    assert collect(collector)[0] == ["stdout: loading", "stdout: running"]


def test_output_between_runs_belongs_to_none() -> None:
    """A thread that goes on printing after the answer."""
    collector = LogCollector()
    collector.begin()
    both_ended(collector)
    collect(collector)
    collector.receive(STDOUT, b"late\n" * 1000)
    collector.begin()
    collector.receive(STDOUT, b"mine\n")
    both_ended(collector)
    assert collect(collector) == (["stdout: mine"], "complete")


@pytest.mark.scenario("DK-14")
def test_exactly_the_limit() -> None:
    """A line counts its bytes and its end."""
    collector = LogCollector()
    collector.begin(limit=12)
    collector.receive(STDOUT, b"12345\n67890\n")
    both_ended(collector)
    assert collect(collector, limit=12) == (["stdout: 12345", "stdout: 67890"], "complete")


@pytest.mark.scenario("DK-19")
def test_one_byte_over_the_limit() -> None:
    """The last line goes, and a line on stderr says so."""
    collector = LogCollector()
    collector.begin(limit=11)
    collector.receive(STDOUT, b"12345\n67890\n")
    both_ended(collector)
    lines, state = collect(collector, limit=11)
    assert state == "truncated"
    assert lines[0] == "stdout: 12345"
    assert lines[1].startswith("stderr: Logs were truncated because the total bytes size exceeds the limit of 11")


@pytest.mark.scenario("WIRE-20")
@pytest.mark.scenario("DK-18")
@pytest.mark.scenario("DK-21")
def test_missing_end_marks() -> None:
    """Waiting for them gives a line that says so; not waiting gives what there is, a partial line too."""
    collector = LogCollector()
    collector.begin()
    collector.receive(STDOUT, b"line\npart")
    lines, state = collect(collector)
    assert state == "timed_out"
    assert lines[:2] == ["stdout: line", "stdout: part"]
    assert lines[2].startswith("stderr: There was an issue while collecting your logs")
    collector.begin()
    collector.receive(STDOUT, b"line\npart")
    assert collect(collector, wait=False) == (["stdout: line", "stdout: part"], "complete")


@pytest.mark.scenario("DK-15")
def test_not_waiting_for_end_marks() -> None:
    """What is there comes at once, though nothing says that it is all."""
    collector = LogCollector()
    collector.begin()
    collector.receive(STDOUT, b"line\n")
    assert collect(collector, wait=False) == (["stdout: line"], "complete")


@pytest.mark.scenario("DK-20")
def test_a_last_line_that_was_cut() -> None:
    """What came of it is kept, and the line after it says that data may be missing."""
    collector = LogCollector()
    collector.begin()
    collector.receive(STDOUT, b"whole\nha")
    collector.receive(STDERR, END)
    lines, state = collect(collector)
    assert (lines[:2], state) == (["stdout: whole", "stdout: ha"], "timed_out")
    assert lines[2].startswith("stderr: There was an issue while collecting your logs")


@pytest.mark.scenario("DK-16")
def test_end_of_stream_ends_the_run() -> None:
    """The process died: nobody has to wait, and what it said last is there."""
    collector = LogCollector()
    collector.begin()
    collector.receive(STDERR, b"last words")
    collector.end_of_stream(STDERR)
    collector.end_of_stream(STDOUT)
    assert collect(collector) == (["stderr: last words"], "complete")
    collector.begin()
    assert collect(collector) == ([], "complete")


def test_waiting_for_marks_that_come() -> None:
    """The log is there as soon as they are."""

    async def act() -> tuple[list[str], str]:
        collector = LogCollector()
        collector.begin()
        waiting = asyncio.ensure_future(collector.collect(1000, True))
        await asyncio.sleep(0.01)
        collector.receive(STDOUT, b"slow\n" + END)
        await asyncio.sleep(0.01)
        collector.receive(STDERR, END)
        logs = await waiting
        return texts(logs.lines), logs.state

    assert asyncio.run(act()) == (["stdout: slow"], "complete")


def test_runs_without_logs_are_forgotten() -> None:
    """However many there are, with end marks or without."""
    collector = LogCollector()
    for _ in range(5000):
        collector.begin(limit=0)
        collector.receive(STDOUT, b"dropped\n")
        both_ended(collector)
    assert len(collector._stretches) <= 2
    for _ in range(5000):
        collector.begin(limit=0)
    assert len(collector._stretches) <= module.MOST_STRETCHES + 1


def test_stream_without_line_ends() -> None:
    """It cannot fill the memory."""
    collector = LogCollector()
    collector.begin(limit=100)
    for _ in range(50):
        collector.receive(STDOUT, b"x" * 100_000)
    assert len(collector._rest[STDOUT]) < 2 * module.LONGEST_LINE
    both_ended(collector)
    assert collect(collector, limit=100)[1] == "truncated"


def test_bytes_that_are_no_text() -> None:
    """Replaced, not refused."""
    collector = LogCollector()
    collector.begin()
    collector.receive(STDOUT, b"\xff\xfe\n")
    both_ended(collector)
    assert collect(collector)[0] == ["stdout: ��"]
