"""Log lines and markers as OpenWhisk writes them."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
import re
from collections.abc import Iterator

import pytest

from owactors.entity.transaction import TransactionId
from owactors.observe.logs import Log, setup
from owactors.observe.markers import Markers
from owactors.observe.metrics import Metrics
from owactors.observe.tokens import INVOKER_ACTIVATION_RUN, INVOKER_COLLECT_LOGS, docker_command

#: How OpenWhisk's own tests read a marker.
MARKER = re.compile(r"\[marker:([^\s:]+):(\d+)(?::(\d+))?\]")
LINE = re.compile(r"\[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\] \[([A-Z]+)\] ((?:\[#tid_\w+\] ?)+) \[(\w+)\] (.*)")
CALL = TransactionId("call", 1_000)


class Clock:
    now = 1_000

    def __call__(self) -> int:
        return self.now


@pytest.fixture(autouse=True)
def restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    for name in ("ContainerPool", "ContainerProxy"):
        logging.getLogger(f"owactors.{name}").setLevel(logging.NOTSET)


def written(**options: object) -> io.StringIO:
    stream = io.StringIO()
    setup(stream=stream, **options)  # type: ignore[arg-type]
    return stream


def test_a_line_has_time_level_transaction_and_component() -> None:
    stream = written()

    Log("ContainerPool").warn(CALL, "no room for %s", "greet")

    assert LINE.fullmatch(stream.getvalue().strip()).groups() == (  # type: ignore[union-attr]
        "WARN",
        "[#tid_call]",
        "ContainerPool",
        "no room for greet",
    )


def test_a_child_s_line_begins_with_the_root_of_its_chain() -> None:
    stream = written()
    child = TransactionId("child", 2, parent=TransactionId("middle", 1, parent=CALL))

    Log("ContainerPool").info(child, "text")

    assert "[#tid_call] [#tid_child] [ContainerPool] text" in stream.getvalue()


def test_levels_may_differ_by_component_and_by_transaction() -> None:
    stream = written(level="warning", levels={"ContainerPool": "debug"})

    Log("ContainerPool").debug(CALL, "pool")
    Log("ContainerProxy").debug(CALL, "proxy")
    Log("ContainerProxy").debug(TransactionId("talkative", 0, extra_logging=True), "extra")

    assert [line.rpartition(" ")[2] for line in stream.getvalue().splitlines()] == ["pool", "extra"]


def test_plain_loggers_share_the_form() -> None:
    stream = written()

    logging.getLogger("owactors.actor.containerpool.ContainerPool").info("from an actor")

    assert "[#tid_sid_unknown] [ContainerPool] from an actor" in stream.getvalue()


def test_an_empty_text_is_not_logged_and_a_cause_adds_its_traceback() -> None:
    stream = written()
    log = Log("ContainerPool")

    log.info(CALL, "")
    assert stream.getvalue() == ""
    try:
        raise ValueError("broken")
    except ValueError as problem:
        log.error(CALL, "it broke", cause=problem)
    assert "ValueError: broken" in stream.getvalue()


def test_json_lines_hold_the_same() -> None:
    stream = written(form="json")

    Log("ContainerPool").info(TransactionId("child", 2, parent=CALL), 'say "%s"', "ä")

    line = json.loads(stream.getvalue())
    assert (line["level"], line["transid"], line["root"]) == ("INFO", "child", "call")
    assert (line["component"], line["message"]) == ("ContainerPool", 'say "ä"')


def test_a_finish_marker_tells_both_durations() -> None:
    stream, clock, metrics = written(), Clock(), Metrics()
    markers = Markers("ContainerProxy", metrics=metrics, clock=clock)

    clock.now = 1_009
    run = markers.started(CALL, INVOKER_ACTIVATION_RUN, "sending arguments to %s", "greet")
    clock.now = 1_012
    markers.finished(run, "running result: ok")

    assert MARKER.findall(stream.getvalue()) == [
        ("invoker_activationRun_start", "9", ""),
        ("invoker_activationRun_finish", "12", "3"),
    ]
    assert "sending arguments to greet [marker:" in stream.getvalue()
    assert metrics.snapshot().counters == {("invoker_activationRun_start", ()): 1}
    assert metrics.snapshot().histograms[("invoker_activationRun_finish_seconds", ())][1] == pytest.approx(0.003)


def test_a_failure_is_a_warning_with_its_own_marker() -> None:
    stream, metrics = written(), Metrics()
    markers = Markers("ContainerProxy", metrics=metrics, clock=Clock())

    markers.failed(markers.started(CALL, INVOKER_COLLECT_LOGS), "100% lost")

    assert "[WARN]" in stream.getvalue()
    assert "100% lost" in stream.getvalue()
    assert MARKER.findall(stream.getvalue())[1] == ("invoker_collectLogs_error", "0", "0")
    assert metrics.snapshot().counters[("invoker_collectLogs_error", ())] == 1


@pytest.mark.scenario("WIRE-24")
def test_clocks_that_disagree_leave_the_marker_readable() -> None:
    stream, clock = written(), Clock()
    clock.now = 500

    Markers("ContainerProxy", metrics=Metrics(), clock=clock).mark(CALL, docker_command("run"))

    assert MARKER.findall(stream.getvalue()) == [("invoker_docker.run_start", "0", "")]


def test_markers_can_be_kept_out_of_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Markers, "logged", False)
    stream, metrics = written(), Metrics()

    Markers("ContainerProxy", metrics=metrics).mark(CALL, INVOKER_ACTIVATION_RUN, "text")

    assert stream.getvalue() == ""
    assert metrics.snapshot().counters


class Counting(io.StringIO):
    writes = 0

    def write(self, text: str) -> int:
        self.writes += 1
        return super().write(text)


def test_the_lines_of_one_turn_are_written_together_and_a_warning_with_all_before_it_at_once() -> None:
    stream, log = Counting(), Log("ContainerPool")
    setup(stream=stream)

    async def turn() -> None:
        log.info(CALL, "one")
        logging.getLogger("owactors.other").info("two")
        assert stream.getvalue() == ""
        await asyncio.sleep(0)
        assert stream.writes == 1
        log.info(CALL, "three")
        log.warn(CALL, "four")
        assert stream.writes == 2

    asyncio.run(turn())
    assert [line.rpartition(" ")[2] for line in stream.getvalue().splitlines()] == ["one", "two", "three", "four"]


def test_a_forked_process_does_not_write_its_parent_s_lines_again() -> None:
    stream, log = written(), Log("ContainerPool")

    async def turn() -> None:
        log.info(CALL, "one")
        child = os.fork()
        if child == 0:
            os._exit(len(logging.getLogger().handlers[0]._lines))  # type: ignore[attr-defined]
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

    asyncio.run(turn())
    assert stream.getvalue().count("one") == 1


def test_a_text_that_does_not_fit_its_arguments_is_written_all_the_same() -> None:
    stream = written()

    Log("ContainerPool").info(CALL, "%s and %s", "one")

    assert "%s and %s ('one',)" in stream.getvalue()


def test_a_log_that_nobody_reads_any_more_hurts_nobody() -> None:
    stream = written()
    stream.close()

    Log("ContainerPool").warn(CALL, "unheard")
